<?php

declare(strict_types=1);

namespace Odigos;

/**
 * One POST by HTTP over a socket. PHP's own stream for it is a thing that programs turn off (allow_url_fopen), and has a
 * limit of time for each part alone.
 */
final class Post
{
    /** Of what is written at once, and of an answer that is read. */
    private const PART = 1 << 16;

    private string $remote;
    private string $head;

    /** @param list<string> $lines */
    public function __construct(private string $url, array $lines, private float $seconds)
    {
        $parts = parse_url($url);
        $scheme = strtolower((string) ($parts['scheme'] ?? ''));
        if (!isset($parts['host']) || !\in_array($scheme, ['http', 'https'], true)) {
            throw new \RuntimeException("$url is no address by http or https");
        }
        $port = $parts['port'] ?? ($scheme === 'https' ? 443 : 80);
        $this->remote = ($scheme === 'https' ? 'ssl' : 'tcp') . "://{$parts['host']}:$port";
        $path = ($parts['path'] ?? '/') . (isset($parts['query']) ? "?{$parts['query']}" : '');
        $lines = ["POST $path HTTP/1.1", "Host: {$parts['host']}:$port", 'Connection: close', ...$lines];
        $this->head = implode("\r\n", str_replace(["\r", "\n"], '', $lines));
    }

    /** The body of the answer, or an error; both within the seconds, but for the time that resolving a name takes. */
    public function send(string $payload): string
    {
        $end = microtime(true) + $this->seconds;
        $socket = stream_socket_client($this->remote, $code, $message, $this->seconds);
        if ($socket === false) {
            throw new \RuntimeException("{$this->url}: no connection ($message)");
        }
        try {
            stream_set_blocking($socket, false);
            $this->write($socket, "{$this->head}\r\nContent-Length: " . \strlen($payload) . "\r\n\r\n", $end);
            $this->write($socket, $payload, $end);
            return $this->answer($socket, $end);
        } finally {
            fclose($socket);
        }
    }

    /** @param resource $socket */
    private function write($socket, string $text, float $end): void
    {
        for ($at = 0; $at < \strlen($text); $at += $count) {
            $this->wait($socket, true, $end);
            $count = fwrite($socket, substr($text, $at, self::PART));
            if ($count === false) {
                throw new \RuntimeException("{$this->url}: the connection was closed");
            }
        }
    }

    /** @param resource $socket */
    private function answer($socket, float $end): string
    {
        $text = '';
        do {
            $this->wait($socket, false, $end);
            $text .= (string) fread($socket, 8192);
            [$head, $body] = explode("\r\n\r\n", $text, 2) + [1 => null];
            $length = preg_match('~^content-length:\s*(\d+)~mi', $head, $match) ? (int) $match[1] : null;
            $isWhole = $body !== null && $length !== null && \strlen($body) >= $length;
        } while (!$isWhole && !feof($socket) && \strlen($text) < self::PART);
        if (!preg_match('~^HTTP/\S+ 2\d\d~', $text)) {
            $status = $text === '' ? 'nothing' : json_encode(strtok($text, "\r\n"), JSON_INVALID_UTF8_SUBSTITUTE);
            throw new \RuntimeException("{$this->url} answered $status");
        }
        // Of an answer without a length only the status is of interest.
        return $isWhole ? substr($body, 0, $length) : '';
    }

    /** @param resource $socket */
    private function wait($socket, bool $toWrite, float $end): void
    {
        do {
            $left = $end - microtime(true);
            $read = $toWrite ? [] : [$socket];
            $write = $toWrite ? [$socket] : [];
            $none = [];
            if ($left <= 0) {
                throw new \RuntimeException("{$this->url}: no answer within {$this->seconds} s");
            }
        } while (!stream_select($read, $write, $none, 0, (int) ($left * 1e6))); // false: a signal came
    }
}
