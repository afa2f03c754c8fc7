<?php

declare(strict_types=1);

namespace Odigos;

/**
 * Whose packages are used. A package of the program wins over the agent's as a whole, if what else is used of the agent's
 * accepts its version (packages.json says what each needs); else the program is not traced. A program that has OpenTelemetry's
 * SDK itself sees to its traces itself: it is left alone. Classes are found without Composer's loader, which the program's
 * own packages may look at.
 */
final class Packages
{
    private string $vendor;
    /** @var array<string, string> */
    private array $classes;
    /** @var array<string, string> the directories of the agent's packages that are not used */
    private array $replaced = [];
    /** @var array<string, array{version: string}> */
    private array $programs = [];
    private ?string $programVendor;
    /** @var array<string, list<string>>|null */
    private ?array $programNamespaces = null;

    public function __construct(private string $directory)
    {
        $this->vendor = (string) realpath("$directory/vendor");
        $this->classes = require "{$this->vendor}/composer/autoload_classmap.php";
        $this->programVendor = self::findVendor();
        if ($this->programVendor === null) {
            return;
        }
        $installed = require "{$this->programVendor}/composer/installed.php";
        $this->programs = $installed['versions'] ?? [];
        if ($this->isOfProgram('open-telemetry/sdk')) {
            throw new \RuntimeException("the program has open-telemetry/sdk itself ({$this->programVendor})");
        }
        $this->compare();
    }

    public function isOfProgram(string $package): bool
    {
        return isset($this->programs[$package]['version']);
    }

    public function register(): void
    {
        spl_autoload_register($this->load(...));
    }

    /** What Composer would load at once, of instrumentations or of the rest. It skips what is noted here, and so does this. */
    public function loadFiles(bool $ofInstrumentations): void
    {
        foreach (require "{$this->vendor}/composer/autoload_files.php" as $id => $file) {
            if (str_contains($file, '/open-telemetry/opentelemetry-auto-') !== $ofInstrumentations) {
                continue;
            }
            if (!empty($GLOBALS['__composer_autoload_files'][$id]) || $this->isReplaced($file)) {
                continue;
            }
            $GLOBALS['__composer_autoload_files'][$id] = true;
            require $file;
        }
    }

    private function load(string $class): void
    {
        $file = $this->classes[$class] ?? null;
        if ($file === null) {
            return;
        }
        if ($this->isReplaced($file)) {
            $file = $this->fileOfProgram($class);
        }
        if ($file === null) {
            return;
        }
        Agent::quietly(static fn () => require $file);
    }

    private function isReplaced(string $file): bool
    {
        foreach ($this->replaced as $place) {
            if (str_starts_with($file, $place)) {
                return true;
            }
        }
        return false;
    }

    private function compare(): void
    {
        $text = (string) file_get_contents("{$this->directory}/packages.json");
        $packages = json_decode($text, true, 16, JSON_THROW_ON_ERROR);
        foreach ($packages as $package => $requirements) {
            if ($this->isOfProgram($package)) {
                $this->replaced[] = "{$this->vendor}/$package/";
                continue;
            }
            foreach ($requirements as $name => $constraint) {
                $version = $this->programs[$name]['version'] ?? null;
                if ($version !== null && !self::satisfies($version, $constraint)) {
                    throw new \RuntimeException("the program's $name $version is not $constraint, as $package needs it");
                }
            }
        }
    }

    /** Whether a version is one of `^1.2 || ^2.0`; of other constraints nothing is known but `*`. */
    private static function satisfies(string $version, string $constraint): bool
    {
        foreach (preg_split('/\s*\|\|?\s*/', trim($constraint)) as $part) {
            if ($part === '*') {
                return true;
            }
            if (!preg_match('/^\^v?(\d+)(?:\.(\d+))?(?:\.(\d+))?$/', $part, $match)) {
                continue;
            }
            [$major, $minor] = [(int) $match[1], (int) ($match[2] ?? 0)];
            $next = $major > 0 ? ($major + 1) . '.0' : '0.' . ($minor + 1);
            if (version_compare($version, substr($part, 1), '>=') && version_compare($version, $next, '<')) {
                return true;
            }
        }
        return false;
    }

    /** The nearest directory of Composer above the script, the document root or the working directory. */
    private static function findVendor(): ?string
    {
        foreach ([\dirname((string) ($_SERVER['SCRIPT_FILENAME'] ?? '')), $_SERVER['DOCUMENT_ROOT'] ?? '', getcwd()] as $start) {
            $place = $start === '' || $start === false ? false : realpath((string) $start);
            for ($level = 0; $place !== false && $level < 6; $level++, $place = \dirname($place)) {
                foreach (['', '/..'] as $bin) { // of a program in vendor/bin, too
                    if (is_file("$place$bin/composer/installed.php") && is_file("$place$bin/autoload.php")) {
                        return (string) realpath("$place$bin");
                    }
                }
                if (is_file("$place/vendor/composer/installed.php")) {
                    return "$place/vendor";
                }
                if ($place === '/') {
                    break;
                }
            }
        }
        return null;
    }

    private function fileOfProgram(string $class): ?string
    {
        $composer = "{$this->programVendor}/composer";
        $this->programNamespaces ??= (require "$composer/autoload_psr4.php") + (require "$composer/autoload_namespaces.php");
        for ($at = strrpos($class, '\\'); $at !== false; $at = strrpos(substr($class, 0, $at), '\\')) {
            foreach ($this->programNamespaces[substr($class, 0, $at + 1)] ?? [] as $directory) {
                $file = "$directory/" . strtr(substr($class, $at + 1), '\\', '/') . '.php';
                if (is_file($file)) {
                    return $file;
                }
            }
        }
        return (require "$composer/autoload_classmap.php")[$class] ?? null;
    }
}
