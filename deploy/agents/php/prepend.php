<?php
// What PHP runs before each script of an instrumented process, where it can (extension/odigos.c). What it promises the
// program:
//
// - Whatever goes wrong with it, and whatever OpenTelemetry has to say, is kept from the program and its output.
//   OTEL_LOG_LEVEL=debug writes it to PHP's error log.
// - The program's packages win: see packages.php. Composer's own state is the program's alone.
// - A file that the program has set as auto_prepend_file itself is run as ever.
require __DIR__ . '/odigos/agent.php';
try {
    \Odigos\Agent::start(__DIR__);
} catch (\Throwable) {
    // nothing that could be told, and nobody to tell it to
}
if (\Odigos\PREPENDED !== '') {
    require \Odigos\PREPENDED;
}
