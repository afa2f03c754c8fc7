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
    /** A request waits for its spans to be taken: never for long. */
    private const SECONDS = 1.0;

    public function __construct(private string $endpoint, private string $headers)
    {
    }

    public function contentType(): string
    {
        return 'application/x-protobuf';
    }

    public function send(string $payload, ?CancellationInterface $cancellation = null): FutureInterface
    {
        $lines = ["Content-Type: {$this->contentType()}", 'Connection: close'];
        foreach (array_filter(explode(',', $this->headers)) as $pair) {
            [$name, $value] = explode('=', $pair, 2) + [1 => ''];
            $lines[] = trim(rawurldecode($name)) . ': ' . trim(rawurldecode($value));
        }
        $context = stream_context_create(['http' => [
            'method' => 'POST', 'header' => $lines, 'content' => $payload, 'timeout' => self::SECONDS, 'ignore_errors' => true,
            'follow_location' => 0,
        ]]);
        $level = error_reporting(0);
        try {
            $stream = fopen($this->endpoint, 'r', false, $context);
        } finally {
            error_reporting($level);
        }
        if ($stream === false) {
            return new ErrorFuture(new \RuntimeException("no answer from {$this->endpoint}"));
        }
        $status = (string) (stream_get_meta_data($stream)['wrapper_data'][0] ?? '');
        $body = (string) stream_get_contents($stream);
        fclose($stream);
        return preg_match('~^HTTP/\S+ 2~', $status)
            ? new CompletedFuture($body)
            : new ErrorFuture(new \RuntimeException("{$this->endpoint} answered $status"));
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
