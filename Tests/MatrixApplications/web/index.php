<?php
echo 'php';
