"""What is wrong with a cascade is said in whole sentences, at the character where it is wrong, all at once."""

from __future__ import annotations

import pytest

from tests.workloads.writing import check, faults

TYPES = "fp64, fp32, fp16, bf16, fp8, int32, int16, int8, fix<8|16|32|64>.<1 to bits - 1>"
GOOD = """\
cascade: c
ranks: {b: B, m: M, p: P, e: E}
each: [b]
share: {K: [b]}
partition: {m: [m1, m0]}
inputs: [Q, K]
mask:
  causal: m <= p + M - P
types: {RM: fp32}
einsums:
  - QK[m1,m0,p] = sum{e} Q[e,p] * K[e,m1,m0]
  - LM[m1,p] = max{m0} QK[m1,m0,p]
  - RM[0,p] = -inf
  - RM[m1+1,p] = max(RM[m1,p], LM[m1,p])
  - Y[m1,m0,p] = exp(QK[m1,m0,p] - RM[M1,p])
output: Y
"""

# (what stands in GOOD, what stands there instead, the faults as `line:column: message`)
FAULTS = [
    (
        "Q[e,p] * K",
        "Q[q,p] * K",
        [
            "11:28: unknown rank 'q'; allowed: m1, m0, p, e",
        ],
    ),
    (
        "Q[e,p] * K",
        "Q[e,m] * K",
        [
            "11:30: unknown rank 'm'; did you mean 'm1'? allowed: m1, m0, p, e; rank 'm' is divided into m1, m0",
        ],
    ),
    (
        "max{m0} QK[m1,m0,p]",
        "max{m0} RX[m1,m0,p]",
        [
            "12:24: unknown tensor 'RX'; allowed: Q, K, QK, LM, RM, Y",
        ],
    ),
    (
        "max{m0} QK[m1,m0,p]",
        "max{m0} Y[m1,m0,p]",
        [
            "12:24: a cycle: LM needs Y needs RM needs LM",
        ],
    ),
    (
        " - QK[m1,m0,p] = sum{e} Q[e,p] * K[e,m1,m0]",
        " - QK[m1,m0,p] = sum{e} Q[e,p] * K[e,m1,m0] * A[m1,m0,p]\n  - A[m1,m0,p] = Q2[p] * K[m1,m0]",
        [
            "11:48: tensor 'A' is used before it is defined on line 12",
            "12:18: unknown tensor 'Q2'; did you mean 'Q'? allowed: Q, K, QK, A, LM, RM, Y",
            "12:26: K[m1,m0] does not match K[e,m1,m0], as it stands elsewhere",
        ],
    ),
    (
        "sum{e} Q[e,p]",
        "sum{e,m0} Q[e,p]",
        [
            "11:25: rank 'm0' is both kept and reduced",
        ],
    ),
    (
        "max{m0}",
        "max{e}",
        [
            "12:20: reduction over rank 'e', which no operand has",
        ],
    ),
    (
        "Q[e,p] * K[e,m1,m0]",
        "Q[e,p] * K[e,m1,m0] * Y[m1,m0,p]",
        [
            "11:48: a cycle: QK needs Y needs QK",
        ],
    ),
    (
        "LM[m1,p] = max",
        "QK[m1,p] = max",
        [
            "12:5: tensor 'QK' is defined twice, first on line 11",
            "14:32: unknown tensor 'LM'; allowed: Q, K, QK, RM, Y",
        ],
    ),
    (
        "QK[m1,m0,p] = sum{e}",
        "QK[m1,m0,p] =",
        [
            "11:21: rank 'e' is neither kept in the result nor reduced",
        ],
    ),
    (
        "max(RM[m1,p], LM[m1,p])",
        "max(RM[m1,p])",
        [
            "12:5: tensor 'LM' is made, but nothing uses it and it is not the output",
            "14:18: max takes 2 arguments, found 1",
        ],
    ),
    (
        "max(RM[m1,p], LM[m1,p])",
        "maxi(RM[m1,p], LM[m1,p])",
        [
            "14:18: unknown function 'maxi'; did you mean 'max'? allowed: exp, max, min, sqrt, tanh, log",
        ],
    ),
    (
        "max(RM[m1,p], LM[m1,p])",
        "add(RM[m1,p], LM[m1,p])",
        [
            "14:18: 'add' is not a function; write '+'",
        ],
    ),
    (
        "max{m0}",
        "mean{m0}",
        [
            "12:16: unknown reduction 'mean'; allowed: sum, max, min",
        ],
    ),
    (
        "  - RM[0,p] = -inf\n",
        "",
        [
            "13:5: 'RM' iterates over 'm1' but has no initial value; add 'RM[0,p] = ...'",
        ],
    ),
    (
        "output: Y",
        "output: RM",
        [
            "15:5: tensor 'Y' is made, but nothing uses it and it is not the output",
        ],
    ),
    (
        "RM[m1+1,p] = max",
        "RM[m1+2,p] = max",
        [
            "14:8: a state iterates over one rank by +1, found 'm1+2'",
        ],
    ),
    (
        "RM[M1,p]",
        "RM[m1+2,p]",
        [
            "15:39: found 'm1+2'; a state is read at 'm1', 'm1+1' or 'M1'",
        ],
    ),
    (
        "RM[M1,p]",
        "LM[M1,p]",
        [
            "14:5: tensor 'RM' is made, but nothing uses it and it is not the output",
            "15:39: index 'M1' is for a state that iterates over 'm1'; 'LM' is no state",
        ],
    ),
    (
        "RM[M1,p]",
        "LM[m1+1,p]",
        [
            "14:5: tensor 'RM' is made, but nothing uses it and it is not the output",
            "15:39: index 'm1+1' is for a state that iterates over 'm1'; 'LM' is no state",
        ],
    ),
    (
        "RM[M1,p]",
        "RM[m1,P]",
        [
            "15:42: index 'P' is for a state that iterates over 'p'; 'RM' iterates over 'm1'",
        ],
    ),
    (
        "RM[M1,p]",
        "RM[M1+1,p]",
        [
            "15:39: found 'M1+1'; a state is read at 'm1', 'm1+1' or 'M1'",
        ],
    ),
    (
        "RM[M1,p]",
        "RM[0,p]",
        [
            "15:39: index '0' stands only in an initial value, 'RM[0,...] = constant'",
        ],
    ),
    (
        "Y[m1,m0,p] =",
        "Y[M1,m0,p] =",
        [
            "15:7: 'M1' is read for the final value; a result is written at 'm1'",
        ],
    ),
    (
        "Y[m1,m0,p] =",
        "Y[m1+1,m0,p] =",
        [
            "15:5: 'Y' iterates over 'm1' but has no initial value; add 'Y[0,m0,p] = ...'",
        ],
    ),
    (
        "m <= p + M - P",
        "m == p",
        [
            "8:11: a mask bounds one rank by another, such as 'm <= p + 1'; the sign is <=, <, >= or >",
        ],
    ),
    (
        "m <= p + M - P",
        "k <= p + M - P",
        [
            "8:11: unknown rank 'k'; allowed: b, m, p, e",
        ],
    ),
    (
        "m <= p + M - P",
        "m <= p + M - N",
        [
            "8:24: unknown name 'N'; allowed: B, E, M, P, b, causal, e, m, p",
        ],
    ),
    (
        "m <= p + M - P",
        "m <= 2 * p",
        [
            "8:16: mask 'causal' must bound 'm' by one other rank plus a constant",
        ],
    ),
    (
        "m <= p + M - P",
        "m <= M - 1",
        [
            "8:16: mask 'causal' must bound 'm' by one other rank plus a constant",
        ],
    ),
    (
        "m <= p + M - P",
        "m <= p + (M - P",
        [
            "8:26: the expression ends early: expected an operator or ')'",
        ],
    ),
    (
        "m <= p + M - P",
        "m <= p / (M - M)",
        [
            "8:16: mask 'causal' must bound 'm' by one other rank plus a constant",
        ],
    ),
    (
        "m <= p + M - P",
        "m <= p\n  window: e > p",
        [
            "9:11: mask 'window' bounds 'e' by 'p', but 'causal' bounds 'm' by 'p'",
        ],
    ),
    (
        "RM: fp32",
        "RM: f32",
        [
            f"9:13: unknown type 'f32'; did you mean 'fp32'? allowed: {TYPES}",
        ],
    ),
    (
        "RM: fp32",
        "RX: fp32",
        [
            "9:9: unknown tensor 'RX'; allowed: Q, K, QK, LM, RM, Y, *",
        ],
    ),
    (
        "RM: fp32",
        "RM: {storage: fp32, accumulation: f9}",
        [
            f"9:43: unknown type 'f9'; allowed: {TYPES}",
        ],
    ),
    (
        "RM: fp32",
        "RM: {accumulation: fp32}",
        [
            "9:9: missing key 'storage' in 'types.RM'",
        ],
    ),
    (
        "share: {K: [b]}",
        "share: {KX: [b]}",
        [
            "4:9: unknown tensor 'KX'; did you mean 'K'? allowed: Q, K, QK, LM, RM, Y",
        ],
    ),
    (
        "share: {K: [b]}",
        "share: {K: [e]}",
        [
            "4:13: unknown rank 'e'; allowed: b",
        ],
    ),
    (
        "share: {K: [b]}",
        "share: {LM: [b]}",
        [
            "12:24: 'LM' is shared over 'b', but QK[m1,m0,p], which it reads, is not",
        ],
    ),
    (
        "each: [b]",
        "each: [z]",
        [
            "3:8: unknown rank 'z'; allowed: b, m, p, e",
            "4:13: unknown rank 'b'; allowed: z",
        ],
    ),
    (
        "each: [b]",
        "each: [b, m]",
        [
            "3:11: rank 'm' is carried by every tensor and cannot be divided",
        ],
    ),
    (
        "each: [b]",
        "each: [b, b]",
        [
            "3:11: rank 'b' stands twice",
        ],
    ),
    (
        "Q[e,p] * K",
        "Q[b,e,p] * K",
        [
            "11:28: rank 'b' is carried by every tensor ('each') and is not written",
        ],
    ),
    (
        "sum{e} Q",
        "sum{e,b} Q",
        [
            "11:25: rank 'b' is carried by every tensor ('each') and cannot be reduced",
        ],
    ),
    (
        "LM[m1,p])",
        "LM[m1])",
        [
            "14:32: LM[m1] does not match LM[m1,p], as it stands elsewhere",
        ],
    ),
    (
        "exp(QK[m1,m0,p]",
        "exp(QK[m1,p]",
        [
            "15:22: QK[m1,p] does not match QK[m1,m0,p], as it stands elsewhere",
        ],
    ),
    (
        "exp(QK[m1,m0,p]",
        "exp(QK[m0,m1,p]",
        [
            "15:22: QK[m0,m1,p] does not match QK[m1,m0,p], as it stands elsewhere",
        ],
    ),
    (
        "LM[m1,p] = max{m0} QK",
        "LM[m1,p] = max{m0 QK",
        [
            "12:23: found 'QK', expected '}' or ','",
        ],
    ),
    (
        "LM[m1,p] = max{m0} QK[m1,m0,p]",
        "LM[m1,p]",
        [
            "12:13: found the end, expected '='",
        ],
    ),
    (
        "RM[0,p] = -inf",
        "RM[0,p] = LM[m1,p]",
        [
            "13:5: an initial value must be a constant such as 0 or -inf",
        ],
    ),
    (
        "RM[0,p] = -inf",
        "RM[1,p] = 0",
        [
            "13:5: found 'RM[1,p]', expected 'RM[0,p]' for the initial value",
        ],
    ),
    (
        "RM[0,p] = -inf",
        "RM[0,e] = 0",
        [
            "13:5: found 'RM[0,e]', expected 'RM[0,p]' for the initial value",
        ],
    ),
    (
        "RM[0,p] = -inf",
        "RM[m1,0] = 0",
        [
            "13:5: found 'RM[m1,0]', expected 'RM[0,p]' for the initial value",
        ],
    ),
    (
        "RM[0,p] = -inf",
        "LM[0,p] = 0\n  - RM[0,p] = 0",
        [
            "13:5: 'LM' has an initial value, but no statement makes it a state, as 'LM[m1+1] = ...' does",
        ],
    ),
    (
        "RM[0,p] = -inf",
        "RM[0,p] = 1\n  - RM[0,p] = 0",
        [
            "14:5: 'RM' has two initial values",
        ],
    ),
    (
        "Q[e,p] * K[e,m1,m0]",
        "Q[e,p] * K[e,m0]",
        [
            "11:8: rank 'm1' of the result is in no operand",
        ],
    ),
    (
        "QK[m1,m0,p] = sum{e} Q[e,p]",
        "QK[m1,m0,p] = sum{e,e} Q[e,p]",
        [
            "11:25: rank 'e' is reduced twice",
        ],
    ),
    (
        "QK[m1,m0,p] = sum{e}",
        "QK[m1,m0,p,e] = sum{e}",
        [
            "11:25: rank 'e' is both kept and reduced",
            "12:24: QK[m1,m0,p] does not match QK[m1,m0,p,e], as it stands elsewhere",
            "15:22: QK[m1,m0,p] does not match QK[m1,m0,p,e], as it stands elsewhere",
        ],
    ),
    (
        "Y[m1,m0,p] = exp",
        "Y[m1,m0,p,p] = exp",
        [
            "15:15: rank 'p' stands twice in Y[m1,m0,p,p]",
        ],
    ),
    (
        "Y[m1,m0,p] = exp",
        "Q[m1,m0,p] = exp",
        [
            "15:5: tensor 'Q' is an input and cannot be defined",
            "16:9: unknown output 'Y'; allowed: QK, LM, RM, Q",
        ],
    ),
    (
        "output: Y",
        "output: Q",
        [
            "15:5: tensor 'Y' is made, but nothing uses it and it is not the output",
            "16:9: output 'Q' is an input",
        ],
    ),
    (
        "output: Y",
        "output: []",
        [
            "15:5: tensor 'Y' is made, but nothing uses it and it is not the output",
            "16:9: a cascade has at least one output",
        ],
    ),
    (
        "output: Y",
        "output: [Y, Y]",
        [
            "16:13: output 'Y' stands twice",
        ],
    ),
    (
        "inputs: [Q, K]",
        "inputs: [Q, K, K]",
        [
            "6:16: input 'K' stands twice",
        ],
    ),
    (
        "inputs: [Q, K]",
        "inputs: [Q, K, V]",
        [
            "6:16: input 'V' is never used",
        ],
    ),
    (
        "inputs: [Q, K]",
        "inputs: [Q]",
        [
            "4:9: unknown tensor 'K'; did you mean 'QK'? allowed: Q, QK, LM, RM, Y",
            "11:35: unknown tensor 'K'; did you mean 'QK'? allowed: Q, QK, LM, RM, Y",
        ],
    ),
    (
        "m: M,",
        "m: 'M <= 3',",
        [
            "2:19: size of rank 'm': found a condition, expected a number",
        ],
    ),
    (
        "m: M,",
        "m: 'M +',",
        [
            "2:22: size of rank 'm': the expression ends early: expected a number, a name or '('",
        ],
    ),
    (
        "m: M,",
        "M: M,",
        [
            "2:15: rank 'M' is not a lower-case name such as 'm'",
            "5:13: unknown rank 'm'; did you mean 'M'? allowed: b, M, p, e",
            "8:11: unknown rank 'm'; did you mean 'M'? allowed: b, M, p, e",
        ],
    ),
    (
        "m: [m1, m0]",
        "m: [m1, p]",
        [
            "5:21: rank 'p' stands twice",
            "11:11: unknown rank 'm0'; allowed: m1, p, e",
            "12:30: unknown rank 'm0'; allowed: m1, p, e",
            "15:10: unknown rank 'm0'; allowed: m1, p, e",
        ],
    ),
    (
        "m: [m1, m0]",
        "m: [m1, m1]",
        [
            "5:21: rank 'm1' stands twice",
            "11:11: unknown rank 'm0'; allowed: m1, p, e",
            "12:30: unknown rank 'm0'; allowed: m1, p, e",
            "15:10: unknown rank 'm0'; allowed: m1, p, e",
        ],
    ),
    (
        "m: [m1, m0]",
        "m: []",
        [
            "5:16: rank 'm' is divided into no parts",
            "11:8: unknown rank 'm1'; did you mean 'm'? allowed: m, p, e",
            "12:8: unknown rank 'm1'; did you mean 'm'? allowed: m, p, e",
            "14:8: unknown rank 'm1'; did you mean 'm'? allowed: m, p, e",
            "15:7: unknown rank 'm1'; did you mean 'm'? allowed: m, p, e",
        ],
    ),
    (
        "m: [m1, m0]",
        "m: [m1, M0]",
        [
            "5:21: part 'M0' is not a lower-case name such as 'm0'",
            "11:11: unknown rank 'm0'; did you mean 'M0'? allowed: m1, M0, p, e",
            "12:30: unknown rank 'm0'; did you mean 'M0'? allowed: m1, M0, p, e",
            "15:10: unknown rank 'm0'; did you mean 'M0'? allowed: m1, M0, p, e",
        ],
    ),
    (
        "partition: {m:",
        "partition: {mm:",
        [
            "5:13: unknown rank 'mm'; did you mean 'm'? allowed: b, m, p, e",
        ],
    ),
    (
        "RM[m1+1,p] = max(RM[m1,p], LM[m1,p])",
        "S[p] = sum{m1} RM[m1,p]\n  - RM[m1+1,p] = max(RM[m1,p], LM[m1,p] + S[p])",
        [
            "14:20: a cycle: 'S' needs every 'm1' of 'RM', which needs 'S'",
        ],
    ),
    (
        "RM[m1+1,p] = max(RM[m1,p], LM[m1,p])",
        "X[0,m1] = 0\n  - X[p+1,m1] = X[p,m1] + RM[m1,p]\n  - RM[m1+1,p] = max(RM[m1,p], LM[m1,p] + X[p,m1])",
        [
            "15:5: 'X' and 'RM' need each other but iterate over different parts: m1, p",
            "16:5: 'X' and 'RM' need each other but iterate over different parts: m1, p",
        ],
    ),
    (
        "LM[m1,p] = max{m0} QK[m1,m0,p]",
        "LM[m1,p] = max{m0} QK[m1,m0,p] @ 3",
        [
            "12:36: found '@', expected '+' or '-' or '*' or '/'",
        ],
    ),
    (
        "RM[m1+1,p] = max(",
        "RM[m1+1,p] = 1e999 + max(",
        [
            "14:18: the number 1e999 is too large; the largest is about 1.8e308",
        ],
    ),
]


def test_the_cascade_that_is_broken_below_is_good():
    c = check(GOOD)
    assert [e.name for e in c.einsums] == ["QK", "LM", "RM", "Y"]
    assert c.tensors["RM"].initial == float("-inf")


@pytest.mark.parametrize(("good", "bad", "messages"), FAULTS, ids=[f"{bad.strip()[:40]!r}" for _, bad, _ in FAULTS])
def test_fault(good, bad, messages):
    assert good in GOOD
    assert faults(GOOD.replace(good, bad, 1)) == messages


def test_all_faults_of_a_file_come_together():
    text = GOOD
    for good, bad in (
        ("e: E}", "e: 2 *}"),
        ("each: [b]", "each: [b, q]"),
        ("m <= p", "m <= q"),
        ("RM: fp32", "RM: fp33"),
        ("sum{e}", "sum{k}"),
        ("max{m0} QK", "max{m0 QK"),
        ("exp(QK[m1,m0,p]", "exp(QL[m1,m0,p]"),
        ("output: Y", "output: Z"),
    ):
        text = text.replace(good, bad, 1)
    assert faults(text) == [
        "2:33: size of rank 'e': the expression ends early: expected a number, a name or '('",
        "3:11: unknown rank 'q'; allowed: b, m, p, e",
        "8:16: unknown name 'q'; allowed: B, E, M, P, b, causal, e, m, p",
        f"9:13: unknown type 'fp33'; did you mean 'fp32'? allowed: {TYPES}",
        "11:23: unknown rank 'k'; allowed: m1, m0, p, e",
        "12:23: found 'QK', expected '}' or ','",
        "15:5: tensor 'Y' is made, but nothing uses it and it is not the output",
        "15:22: unknown tensor 'QL'; did you mean 'Q'? allowed: Q, K, QK, RM, Y",
        "16:9: unknown output 'Z'; allowed: QK, RM, Y",
    ]


def test_places_count_quotes_and_folded_lines():
    """The character is found in a quoted text and in one that is folded over lines."""
    quoted = GOOD.replace("- LM[m1,p] = max{m0} QK[m1,m0,p]", '- "LM[m1,p] = max{m0} QX[m1,m0,p]"')
    assert faults(quoted)[0].startswith("12:25: unknown tensor 'QX'")
    folded = GOOD.replace("LM[m1,p] = max{m0} QK[m1,m0,p]", "LM[m1,p] =\n      max{m0} QX[m1,m0,p]")
    assert faults(folded)[0].startswith("13:15: unknown tensor 'QX'")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("B[m] + " * 150 + "B[m]", "5:1005: the statement is longer than 1000 characters"),
        (
            "-" * 70 + "B[m]",
            "5:82: operations are nested more than 60 deep; name a part of the expression as an Einsum",
        ),
        (
            " + ".join(["B[m]"] * 70),
            "5:12: operations are nested more than 60 deep; name a part of the expression as an Einsum",
        ),
        ("(" * 300 + "B[m", "5:315: found the end, expected ']' or ',' or '+'"),
    ],
)
def test_expressions_too_long_or_too_deep(body, message):
    text = f"cascade: c\nranks: {{m: M}}\ninputs: [B]\neinsums:\n  - A[m] = {body}\noutput: A\n"
    assert faults(text) == [message]


def test_many_brackets_and_sixty_operations_are_fine():
    text = "cascade: c\nranks: {m: M}\ninputs: [B]\neinsums:\n  - A[m] = %s\noutput: A\n"
    check(text % ("(" * 400 + "B[m]" + ")" * 400))
    assert check(text % " + ".join(["B[m]"] * 61)).einsums[0].operations == {"add": 60}


def chain(length: int) -> str:
    """As many Einsums, each a copy of the one before."""
    lines = ["cascade: c", "ranks: {m: M}", "inputs: [T0]", "einsums:"]
    lines += [f"  - T{k}[m] = T{k - 1}[m]" for k in range(1, length + 1)]
    return "\n".join([*lines, f"output: T{length}"])


def test_a_cascade_has_at_most_a_thousand_statements():
    assert len(check(chain(1000)).einsums) == 1000
    assert faults(chain(1001)) == ["4:1: found 1001 statements, a cascade has at most 1000"]
    backwards = chain(1000).splitlines()
    backwards[4:-1] = reversed(backwards[4:-1])
    found = faults("\n".join(backwards))
    assert len(found) == 999
    assert found[0] == "5:16: tensor 'T999' is used before it is defined on line 6"
