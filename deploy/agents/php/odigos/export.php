<?php

declare(strict_types=1);

namespace Odigos;

use OpenTelemetry\Contrib\Otlp\SpanExporter;
use OpenTelemetry\SDK\Common\Export\TransportInterface;
use OpenTelemetry\SDK\Common\Future\CancellationInterface;
use OpenTelemetry\SDK\Common\Future\CompletedFuture;
use OpenTelemetry\SDK\Common\Future\ErrorFuture;
use OpenTelemetry\SDK\Common\Future\FutureInterface;
use OpenTelemetry\SDK\Trace\SpanExporter\SpanExporterFactoryInterface;
use OpenTelemetry\SDK\Trace\SpanExporterInterface;

/** OTLP over HTTP by PHP alone: OpenTelemetry's own takes an HTTP client of the program, which it may not have. */
final class ExporterFactory implements SpanExporterFactoryInterface
{
    public function create(): SpanExporterInterface
    {
        $endpoint = Agent::variable('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT')
            ?: rtrim(Agent::variable('OTEL_EXPORTER_OTLP_ENDPOINT') ?: 'http://localhost:4318', '/') . '/v1/traces';
        $headers = Agent::variable('OTEL_EXPORTER_OTLP_TRACES_HEADERS') ?: Agent::variable('OTEL_EXPORTER_OTLP_HEADERS');
        return new SpanExporter(new Transport($endpoint, $headers));
    }
}

final class Transport implements TransportInterface
{
    /** A request waits for its spans to be taken: never for longer. */
    private const SECONDS = 1.0;
    /** How long no process of the server tries again after one has waited in vain. What fails at once costs nothing. */
    private const PAUSE_SECONDS = 15;
    private const VAIN_SECONDS = 0.2;

    public function __construct(private string $endpoint, private string $headers)
    {
    }

    public function contentType(): string
    {
        return 'application/x-protobuf';
    }

    public function send(string $payload, ?CancellationInterface $cancellation = null): FutureInterface
    {
        $begin = hrtime(true);
        try {
            if (pause_until(0) > self::now()) {
                throw new \RuntimeException("{$this->endpoint} has not answered a moment ago");
            }
            $post = new Post($this->endpoint, $this->lines(), self::SECONDS);
            return new CompletedFuture(Agent::quietly(static fn (): string => $post->send($payload)));
        } catch (\Throwable $error) {
            if (hrtime(true) - $begin > self::VAIN_SECONDS * 1e9) {
                pause_until(self::now() + self::PAUSE_SECONDS);
            }
            return new ErrorFuture($error);
        }
    }

    /** By a clock that nobody sets, and that is the same in all processes. */
    private static function now(): int
    {
        return intdiv(hrtime(true), 1_000_000_000);
    }

    /** @return list<string> */
    private function lines(): array
    {
        $lines = ["Content-Type: {$this->contentType()}"];
        foreach (array_filter(explode(',', $this->headers)) as $pair) {
            [$name, $value] = explode('=', $pair, 2) + [1 => ''];
            $lines[] = trim(rawurldecode($name)) . ': ' . trim(rawurldecode($value));
        }
        return $lines;
    }

    public function shutdown(?CancellationInterface $cancellation = null): bool
    {
        return true;
    }

    public function forceFlush(?CancellationInterface $cancellation = null): bool
    {
        return true;
    }
}
