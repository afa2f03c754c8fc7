<?php
$database = new PDO('sqlite::memory:');
echo $database->query("SELECT 'php'")->fetchColumn();
