<?php

declare(strict_types=1);

namespace Odigos;

use OpenTelemetry\API\Globals;
use OpenTelemetry\API\Trace\SpanInterface;
use OpenTelemetry\API\Trace\SpanKind;
use OpenTelemetry\API\Trace\StatusCode;
use OpenTelemetry\Context\ScopeInterface;
use OpenTelemetry\SDK\Common\Util\ShutdownHandler;

/** The span of a request that no framework has one for. */
final class Request
{
    private const FATAL = E_ERROR | E_PARSE | E_CORE_ERROR | E_COMPILE_ERROR | E_USER_ERROR | E_RECOVERABLE_ERROR;

    public static function begin(): void
    {
        $method = (string) ($_SERVER['REQUEST_METHOD'] ?? '');
        if ($method === '' || PHP_SAPI === 'cli') {
            return;
        }
        $headers = [];
        foreach ($_SERVER as $name => $value) {
            if (\is_string($value) && str_starts_with((string) $name, 'HTTP_')) {
                $headers[strtolower(strtr(substr($name, 5), '_', '-'))] = $value;
            }
        }
        $parent = Globals::propagator()->extract($headers);
        $scheme = empty($_SERVER['HTTPS']) || $_SERVER['HTTPS'] === 'off' ? 'http' : 'https';
        $span = Globals::tracerProvider()->getTracer('odigos.php')
            ->spanBuilder(rtrim($method . ' ' . ($_SERVER['SCRIPT_NAME'] ?? '')))
            ->setSpanKind(SpanKind::KIND_SERVER)
            ->setStartTimestamp((int) (((float) ($_SERVER['REQUEST_TIME_FLOAT'] ?? microtime(true))) * 1e9))
            ->setParent($parent)
            ->setAttribute('http.request.method', $method)
            ->setAttribute('url.scheme', $scheme)
            ->setAttribute('url.path', strtok((string) ($_SERVER['REQUEST_URI'] ?? '/'), '?'))
            ->setAttribute('server.address', $headers['host'] ?? null)
            ->setAttribute('user_agent.original', $headers['user-agent'] ?? null)
            ->startSpan();
        $scope = $span->storeInContext($parent)->activate();
        ShutdownHandler::register(static fn () => self::end($span, $scope));
    }

    private static function end(SpanInterface $span, ScopeInterface $scope): void
    {
        $status = http_response_code();
        if (\is_int($status)) {
            $span->setAttribute('http.response.status_code', $status);
        }
        $error = error_get_last();
        if ($error !== null && ($error['type'] & self::FATAL)) {
            $span->setStatus(StatusCode::STATUS_ERROR, $error['message']);
        } elseif ($status >= 500) {
            $span->setStatus(StatusCode::STATUS_ERROR);
        }
        $scope->detach();
        $span->end();
    }
}
