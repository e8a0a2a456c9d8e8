"""What a PromQL expression asks for: series that exist, by labels that they have."""

from __future__ import annotations

from typing import Any

import promql_parser as promql

from tests.documented import documented, series

TARGET = frozenset({"job", "instance"})
"""Labels that Prometheus itself gives to what it scrapes."""

ALWAYS_THERE = {
    "up": frozenset[str](),
    "process_cpu_seconds_total": frozenset[str](),
    "process_resident_memory_bytes": frozenset[str](),
}
"""Series that every target has, or every Python process."""

KNOWN = {name: labels | TARGET for name, labels in (series(documented()) | ALWAYS_THERE).items()}

DASHBOARD_VARIABLES = {"$__rate_interval": "5m"}


def parsed(text: str) -> promql.Expr:
    """The expression; Grafana's variables stand for what Grafana puts there."""
    for name, value in DASHBOARD_VARIABLES.items():
        text = text.replace(name, value)
    return promql.parse(text)


def names(expression: promql.Expr) -> set[str]:
    """The series that it asks for."""
    found: set[str] = set()

    def visit(each: Any) -> None:
        if isinstance(each, promql.VectorSelector):
            found.add(str(each.name))

    promql.walk(expression, visit)
    return found


def absences(expression: promql.Expr) -> set[str]:
    """The series whose absence it asks for."""
    found: set[str] = set()

    def visit(each: Any) -> None:
        if isinstance(each, promql.Call) and each.func.name == "absent":
            found.update(names(each))

    promql.walk(expression, visit)
    return found


def labels(expression: Any) -> frozenset[str]:
    """The labels of what the expression gives. Fails on a series that nobody exports, and on a
    label that it doesn't have."""
    match expression:
        case promql.VectorSelector():
            assert expression.name in KNOWN, f"nothing exports {expression.name}"
            has = KNOWN[expression.name]
            for matcher in expression.matchers.matchers:
                assert matcher.name in has, f"{expression.name} has no label {matcher.name}"
            return has
        case promql.MatrixSelector():
            return labels(expression.vector_selector)
        case promql.AggregateExpr():
            beneath = labels(expression.expr)
            by = frozenset(expression.modifier.labels if expression.modifier else ())
            assert by <= beneath, f"there is no label {', '.join(by - beneath)} to add up by"
            return by
        case promql.Call():
            found = [labels(each) for each in expression.args]
            of = max(found, key=len, default=frozenset())
            return of - {"le"} if expression.func.name == "histogram_quantile" else of
        case promql.BinaryExpr():
            left, right = labels(expression.lhs), labels(expression.rhs)
            matching = expression.modifier.matching if expression.modifier else None
            on = frozenset(matching.labels if matching else ())
            assert on <= left & right, f"there is no label {', '.join(on)} on both sides"
            return left if left else right
        case promql.ParenExpr() | promql.UnaryExpr() | promql.SubqueryExpr():
            return labels(expression.expr)
        case promql.NumberLiteral() | promql.StringLiteral():
            return frozenset()
    raise AssertionError(f"{type(expression)} isn't known here")
