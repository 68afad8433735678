"""What is wrong with a fit: verdicts, each with the figure it rests on and one thing to try.

* ``seen``: the arrays that a diagnosis is made from
* ``split``: such arrays from one model and one set of rows that it did not learn from
* ``verdict``: what it says
* ``pace``: learning rate and batch; ``gradients``; ``units``; ``dropout``; ``fit``: over- and underfitting;
  ``balance``: rare classes
* ``judge``: all of them as one diagnosis

A verdict is given where the evidence is enough for it, and else not: each rule names the fewest epochs and
rows that it needs.
"""

from gorae.evidence.diagnosis.balance import judge_balance
from gorae.evidence.diagnosis.dropout import judge_dropout
from gorae.evidence.diagnosis.fit import judge_fit
from gorae.evidence.diagnosis.gradients import judge_gradients
from gorae.evidence.diagnosis.judge import judge
from gorae.evidence.diagnosis.pace import judge_pace
from gorae.evidence.diagnosis.seen import ClassAnswers, Curves, Examined, HiddenLayer, Scores
from gorae.evidence.diagnosis.split import split_scores
from gorae.evidence.diagnosis.units import flat_shares, judge_units
from gorae.evidence.diagnosis.verdict import ILLNESSES, Diagnosis, Look, Verdict

__all__ = [
    "ILLNESSES",
    "ClassAnswers",
    "Curves",
    "Diagnosis",
    "Examined",
    "HiddenLayer",
    "Look",
    "Scores",
    "Verdict",
    "flat_shares",
    "judge",
    "judge_balance",
    "judge_dropout",
    "judge_fit",
    "judge_gradients",
    "judge_pace",
    "judge_units",
    "split_scores",
]
