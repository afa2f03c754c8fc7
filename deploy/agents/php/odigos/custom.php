<?php

declare(strict_types=1);

namespace Odigos;

use OpenTelemetry\API\Globals;
use OpenTelemetry\API\Trace\Span;
use OpenTelemetry\API\Trace\StatusCode;
use OpenTelemetry\Context\Context;

/** Spans of the program's functions that an InstrumentationRule names: [{"className": "A\\B", "functionName": "run"}] */
final class CustomInstrumentations
{
    public static function add(string $json): void
    {
        foreach (json_decode($json, true, 8, JSON_THROW_ON_ERROR) as $entry) {
            $function = (string) ($entry['functionName'] ?? '');
            if ($function !== '') {
                self::hook(ltrim((string) ($entry['className'] ?? ''), '\\') ?: null, $function);
            }
        }
    }

    private static function hook(?string $class, string $function): void
    {
        \OpenTelemetry\Instrumentation\hook(
            $class,
            $function,
            static function () use ($class, $function): void {
                $name = $class === null ? $function : "$class::$function";
                $parent = Context::getCurrent();
                $span = Globals::tracerProvider()->getTracer('odigos.custom')->spanBuilder($name)
                    ->setAttribute('code.function.name', $name)->setParent($parent)->startSpan();
                Context::storage()->attach($span->storeInContext($parent));
            },
            static function (mixed $object, array $parameters, mixed $result, ?\Throwable $exception): void {
                $scope = Context::storage()->scope();
                if ($scope === null) {
                    return;
                }
                $scope->detach();
                $span = Span::fromContext($scope->context());
                if ($exception !== null) {
                    $span->recordException($exception);
                    $span->setStatus(StatusCode::STATUS_ERROR, $exception->getMessage());
                }
                $span->end();
            },
        );
    }
}
