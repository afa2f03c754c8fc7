<?php

declare(strict_types=1);

namespace Odigos;

/** Starts OpenTelemetry in a request, or in a script of the command line. */
final class Agent
{
    private static ?string $prepended = null;

    public static function start(string $directory): void
    {
        $level = error_reporting(0);
        try {
            self::$prepended = self::findPrepended($directory);
            if (self::isWanted()) {
                require __DIR__ . '/packages.php';
                $packages = new Packages($directory);
                $packages->register();
                require __DIR__ . '/export.php';
                $packages->loadFiles(false);
                self::setUp($packages);
            }
        } catch (\Throwable $error) {
            self::report($error);
        } finally {
            error_reporting($level);
        }
    }

    /** The file of the program's own configuration that ours has taken the place of. */
    public static function prependedByProgram(): ?string
    {
        return self::$prepended;
    }

    /** A variable of the environment. Where PHP-FPM has cleared it, odigos.ini has what its main process was given. */
    public static function variable(string $name): string
    {
        return (string) (getenv($name) ?: get_cfg_var($name));
    }

    public static function report(\Throwable|string $error): void
    {
        if (strtolower(self::variable('OTEL_LOG_LEVEL')) === 'debug') {
            error_log("odigos: $error");
        }
    }

    /** Tools that are one archive have packages of their own inside of it, which nobody can compare with ours. */
    private static function isWanted(): bool
    {
        $script = (string) ($_SERVER['SCRIPT_FILENAME'] ?? '');
        return \extension_loaded('opentelemetry') && !str_ends_with($script, '.phar') && !self::isArchive($script);
    }

    private static function isArchive(string $script): bool
    {
        if (PHP_SAPI !== 'cli' || !is_file($script)) {
            return false;
        }
        return str_contains((string) file_get_contents($script, false, null, 0, 8192), 'Phar::mapPhar');
    }

    private static function setUp(Packages $packages): void
    {
        \OpenTelemetry\SDK\Registry::registerSpanExporterFactory('otlp', ExporterFactory::class, true);
        // Before anything of the program is hooked: what fails in a hook shows among the program's output.
        \OpenTelemetry\API\Globals::tracerProvider()->getTracer('odigos.php')->spanBuilder('start')->startSpan();
        \mb_convert_encoding('a', 'UTF-8');
        $packages->loadFiles(true);
        if (!$packages->isOfProgram('slim/slim')) { // whose requests OpenTelemetry traces itself
            require __DIR__ . '/request.php';
            Request::begin();
        }
        $custom = self::variable('ODIGOS_PHP_AGENT_CUSTOM_INSTRUMENTATIONS');
        if ($custom !== '') {
            require __DIR__ . '/custom.php';
            CustomInstrumentations::add($custom);
        }
    }

    /** The last auto_prepend_file of the files that PHP has read before ours. */
    private static function findPrepended(string $directory): ?string
    {
        $found = null;
        $files = [(string) php_ini_loaded_file(), ...explode(',', (string) php_ini_scanned_files())];
        foreach (array_filter(array_map('trim', $files)) as $file) {
            $text = str_starts_with($file, $directory) ? '' : (string) file_get_contents($file);
            if (stripos($text, 'auto_prepend_file') === false) {
                continue;
            }
            $value = parse_ini_string($text, false, INI_SCANNER_NORMAL)['auto_prepend_file'] ?? null;
            $found = $value ?? $found;
        }
        return $found === '' || $found === 'none' ? null : $found;
    }
}
