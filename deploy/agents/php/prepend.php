<?php
// What PHP runs before each script of an instrumented process. Whatever goes wrong with it is kept from the application.
(static function () {
    try {
        require __DIR__ . '/vendor/autoload.php';
    } catch (\Throwable $error) {
        if (strtolower((string) getenv('OTEL_LOG_LEVEL')) === 'debug') {
            error_log((string) $error);
        }
    }
})();
