<?php

declare(strict_types=1);

namespace Odigos;

/** Starts OpenTelemetry in a request, or in a script of the command line. */
final class Agent
{
    /** Without these (`disable_functions`) neither OpenTelemetry nor this agent can work in silence. */
    private const NEEDED = [
        'error_reporting', 'get_cfg_var', 'getenv', 'ini_get', 'register_shutdown_function', 'restore_error_handler',
        'set_error_handler', 'spl_autoload_register',
    ];

    public static function start(string $directory): void
    {
        foreach (self::NEEDED as $name) {
            if (!\function_exists($name)) {
                return;
            }
        }
        $level = error_reporting(0);
        try {
            self::quietly(static function () use ($directory): void {
                if (self::isWanted()) {
                    self::load($directory);
                }
            });
        } catch (\Throwable $error) {
            self::report($error);
        } finally {
            error_reporting($level);
        }
    }

    /**
     * Runs what may warn of something that is not the program's affair: error_reporting alone would leave the warning to
     * the program's own handler of errors, and to error_get_last().
     */
    public static function quietly(\Closure $work): mixed
    {
        set_error_handler(static fn (): bool => true);
        try {
            return $work();
        } finally {
            restore_error_handler();
        }
    }

    /** A variable of the environment. Where PHP-FPM has cleared it, odigos.ini has what its main process was given. */
    public static function variable(string $name): string
    {
        return (string) (getenv($name) ?: get_cfg_var($name));
    }

    public static function report(\Throwable|string $error): void
    {
        if (self::isDebugged()) {
            error_log("odigos: $error");
        }
    }

    private static function isDebugged(): bool
    {
        return strtolower(self::variable('OTEL_LOG_LEVEL')) === 'debug';
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

    private static function load(string $directory): void
    {
        require __DIR__ . '/packages.php';
        $packages = new Packages($directory);
        $packages->register();
        require __DIR__ . '/http.php';
        require __DIR__ . '/export.php';
        $packages->loadFiles(false);
        self::setUp($packages);
    }

    private static function setUp(Packages $packages): void
    {
        self::silence();
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

    /** OpenTelemetry writes what it has to say, with stack traces, to the program's log, unless it is given another. */
    private static function silence(): void
    {
        $destination = self::variable('OTEL_PHP_LOG_DESTINATION') ?: 'none';
        if ($destination === 'none' && !self::isDebugged()) {
            \OpenTelemetry\API\Behavior\Internal\Logging::disable();
        }
    }
}
