"""The population engine: objectives, optimizers, the program of one member, the loop that trains them all.

Few, small steps of plain networks are made by NumPy instead of a program (`on_host`), to the same end.
`train` knows no model; it is handed one that can be built from a key, and batches of rows.
"""

from gorae.train.ahead import Training, compiling
from gorae.train.checkpoint import Checkpoint, member_arrays, member_from_arrays
from gorae.train.history import History, MemberResult, as_result
from gorae.train.host_network import ON_HOST_ACTIVATIONS, ON_HOST_OBJECTIVES
from gorae.train.loop import Outcome, Progress, train
from gorae.train.objectives import OBJECTIVES, find_objective
from gorae.train.optimizers import OPTIMIZERS, find_optimizer
from gorae.train.planner import Plan, check_members, member_bytes, parameter_count, plan_members
from gorae.train.predict import Asked, hidden_activations, member_outputs
from gorae.train.problem import Problem, SharedRows, SplitRows, hyper_scalars, layer_names, split_model
from gorae.train.schedules import SCHEDULES, find_schedule
from gorae.train.task import Draw, Member

__all__ = [
    "OBJECTIVES",
    "ON_HOST_ACTIVATIONS",
    "ON_HOST_OBJECTIVES",
    "OPTIMIZERS",
    "SCHEDULES",
    "Asked",
    "Checkpoint",
    "Draw",
    "History",
    "Member",
    "MemberResult",
    "Outcome",
    "Plan",
    "Problem",
    "Progress",
    "SharedRows",
    "SplitRows",
    "Training",
    "as_result",
    "check_members",
    "compiling",
    "find_objective",
    "find_optimizer",
    "find_schedule",
    "hidden_activations",
    "hyper_scalars",
    "layer_names",
    "member_arrays",
    "member_bytes",
    "member_from_arrays",
    "member_outputs",
    "parameter_count",
    "plan_members",
    "split_model",
    "train",
]
