"""Each rule of the diagnosis on arrays worked out by hand, from both sides of its threshold."""

import json
from dataclasses import replace

import numpy as np
import pytest

from gorae.errors import InputError, ParameterError
from gorae.evidence import (
    ClassAnswers,
    Curves,
    Diagnosis,
    Examined,
    Gap,
    HiddenLayer,
    Interval,
    Scores,
    Verdict,
    gap_verdict,
    judge,
    split_scores,
)
from gorae.evidence.diagnosis import (
    flat_shares,
    judge_balance,
    judge_dropout,
    judge_fit,
    judge_gradients,
    judge_pace,
    judge_units,
)

LEARNING = np.array([1.0, 0.6, 0.4, 0.3, 0.25, 0.22, 0.2, 0.19, 0.18, 0.18])
NOT_LEARNING = np.full(10, 0.7)


def curves(loss=LEARNING, norms=None, layers=("hidden 1", "hidden 2", "output"), **more):
    """The curves of one member or several (a list of losses) of a network of three layers of 100 parameters."""
    losses = tuple(loss) if isinstance(loss, list) else (loss,)
    norms = np.full((len(losses[0]), len(layers)), 0.1) if norms is None else norms
    given = {
        "losses": losses,
        "norms": (norms,) * len(losses),
        "layers": layers,
        "sizes": (100,) * len(layers),
        "kept": tuple(len(each) for each in losses),
        "uninformed": 0.7,
        "learning_rate": 0.01,
        "batch_size": 32,
        "rows": 1000,
    }
    return Curves(**(given | more))


def illnesses(found):
    """The names of what a look or a diagnosis found."""
    return [verdict.illness for verdict in (found if isinstance(found, Diagnosis) else found.verdicts)]


def interval(score, reach):
    """A symmetric interval."""
    return Interval(score, score - reach, score + reach, 0.95, "planted")


# gradients


@pytest.mark.parametrize(("ratio", "found"), [(0.9e-3, ["vanishing gradients"]), (1.1e-3, [])])
def test_gradient_vanishes_below_a_thousandth(ratio, found):
    """A first layer with less than 1/1000 of the output layer's gradient a parameter is ill, with more not."""
    norms = np.tile([ratio, 0.1, 1.0], (10, 1))

    assert illnesses(judge_gradients(curves(NOT_LEARNING, norms))) == found


def test_layers_are_compared_by_parameter():
    """A gradient a hundred times smaller over ten thousand times fewer parameters is no smaller at all."""
    norms = np.tile([1e-4, 0.1, 1.0], (10, 1))
    of_equal_size = curves(NOT_LEARNING, norms)
    small_first = replace(of_equal_size, sizes=(10, 100, 100_000))

    assert illnesses(judge_gradients(of_equal_size)) == ["vanishing gradients"]
    assert illnesses(judge_gradients(small_first)) == []


def test_ratio_is_the_verdicts_figure():
    """The figure of vanishing gradients is the median ratio a parameter."""
    norms = np.tile([1e-6, 0.1, 2.0], (10, 1))

    (verdict,) = judge_gradients(curves(NOT_LEARNING, norms, sizes=(400, 100, 100))).verdicts

    assert verdict.figure == pytest.approx(1e-6 / 2 / 2.0)
    assert "hidden 1" in verdict.sentence
    assert "output" in verdict.sentence


def test_network_that_learned_has_no_vanishing_gradients():
    """Small gradients that did not keep the loss up are no illness: Adam divides their size out."""
    norms = np.tile([1e-5, 0.1, 1.0], (10, 1))

    assert illnesses(judge_gradients(curves(LEARNING, norms))) == ["vanishing gradients"]
    assert illnesses(judge_gradients(curves(0.9 * LEARNING, norms))) == []


def test_gradient_of_two_layers_has_no_way_to_vanish_on():
    """With fewer than three layers nothing is said of vanishing gradients."""
    norms = np.tile([1e-9, 1.0], (10, 1))

    assert illnesses(judge_gradients(curves(NOT_LEARNING, norms, ("hidden 1", "output")))) == []


def test_two_epochs_are_too_few_for_gradients():
    """Vanishing is not judged from two batches, and the look says so."""
    look = judge_gradients(curves(np.array([0.7, 0.7]), np.tile([1e-9, 0.1, 1.0], (2, 1))))

    assert illnesses(look) == []
    assert "fewer than 3 epochs" in look.missing


@pytest.mark.parametrize(
    ("size", "loss", "found"),
    [
        (110.0, NOT_LEARNING, ["exploding gradients"]),
        (90.0, NOT_LEARNING, []),
        (110.0, LEARNING, []),
    ],
)
def test_gradient_explodes_before_the_first_step(size, loss, found):
    """A root mean square above 10 (norm 100 of 100 parameters) is ill where nothing was learned from there."""
    norms = np.full((10, 3), 0.1)
    norms[0, 1] = size

    assert illnesses(judge_gradients(curves(loss, norms))) == found


def test_growth_after_the_first_step_is_not_exploding():
    """What grows in training is the step's doing: only the first record is of untouched parameters."""
    norms = np.full((10, 3), 0.1)
    norms[1:] = 1e6

    assert illnesses(judge_gradients(curves(NOT_LEARNING, norms))) == []


def test_overflow_before_the_first_step_explodes():
    """A gradient that is infinite from the start explodes, and the fit that diverged of it is not blamed twice."""
    norms = np.full((1, 3), np.inf)
    found = judge(Examined(curves(np.array([np.nan]), norms, diverged=1)))

    assert illnesses(found) == ["exploding gradients"]


# units


@pytest.mark.parametrize(
    ("activation", "flat", "steep"),
    [
        ("relu", 0.0, 1e-6),
        ("sigmoid", 0.99, 0.98),
        ("sigmoid", 0.01, 0.02),
        ("tanh", -0.98, -0.97),
        ("softplus", 0.05, 0.06),
        ("elu", -0.96, -0.94),
        ("selu", -1.72, -1.70),
        ("gelu", 0.0, 0.1),
    ],
)
def test_flat_part_is_known_from_the_answer(activation, flat, steep):
    """A slope below 5 % of the steepest is found from what a unit answers, on either side of the edge."""
    assert flat_shares(activation, np.array([[flat, steep]])).tolist() == [1.0, 0.0]


@pytest.mark.parametrize(("dead", "found"), [(5, ["dead units"]), (4, [])])
def test_layer_is_ill_when_half_of_its_units_are_dead(dead, found):
    """Five of ten units that answer 0 in every row are told, four are not."""
    values = np.ones((60, 10))
    values[:, :dead] = 0.0

    assert illnesses(judge_units([HiddenLayer("hidden 1", "relu", values)])) == found


def test_unit_that_fires_once_is_alive():
    """A ReLU that answers a single row still gets a gradient from it."""
    values = np.zeros((60, 10))
    values[7] = 0.5

    assert illnesses(judge_units([HiddenLayer("hidden 1", "relu", values)])) == []


@pytest.mark.parametrize(("rows", "found"), [(54, ["saturated units"]), (53, [])])
def test_unit_is_saturated_in_nine_rows_of_ten(rows, found):
    """Units at a bound in 54 of 60 rows are saturated, in 53 they are not."""
    values = np.zeros((60, 8))
    values[:rows] = 0.999

    assert illnesses(judge_units([HiddenLayer("hidden 1", "tanh", values)])) == found


def test_worst_layer_is_told():
    """Of several layers the one with most dead units gives figure and name."""
    values = np.ones((60, 10))
    ill = np.where(np.arange(10) < 8, 0.0, values)

    (verdict,) = judge_units(
        [HiddenLayer("hidden 1", "relu", values), HiddenLayer("hidden 2", "relu", ill)]
    ).verdicts

    assert verdict.figure == 0.8
    assert "hidden 2" in verdict.sentence


@pytest.mark.parametrize(("dead", "found"), [(1, []), (2, ["dead units"])])
def test_narrow_layer_is_ill_only_when_all_its_units_are(dead, found):
    """One dead unit of two is half of them by count only."""
    values = np.ones((60, 2))
    values[:, :dead] = 0.0

    assert illnesses(judge_units([HiddenLayer("hidden 1", "relu", values)])) == found


def test_few_rows_say_nothing_of_units():
    """With 49 rows a unit may just not have met its row."""
    look = judge_units([HiddenLayer("hidden 1", "relu", np.zeros((49, 10)))])

    assert illnesses(look) == []
    assert "49 rows" in look.missing


def test_units_without_a_flat_part_are_left_out():
    """Nothing is looked at in layers of leaky units."""
    look = judge_units([HiddenLayer("hidden 1", "leaky_relu", np.zeros((60, 10)))])

    assert (look.at, look.missing) == ("", "")


# pace


@pytest.mark.parametrize(("level", "found"), [(1.3, ["learning rate too high"]), (1.2, [])])
def test_training_that_ends_above_an_uninformed_answer_overshoots(level, found):
    """Ending at 1.3 times the uninformed loss after rises is too high a rate, at 1.2 times it is not."""
    loss = 0.7 * np.array([2.0, 1.0, 3.0, 1.0, 2.0, 1.9, 1.8, level, level, level])

    assert illnesses(judge_pace(curves(loss))) == found


@pytest.mark.parametrize(
    ("thrown", "end", "found"),
    [(21.0, 0.51, ["learning rate too high"]), (19.0, 0.51, []), (21.0, 0.49, [])],
)
def test_training_that_was_thrown_far_and_did_not_recover(thrown, end, found):
    """An epoch of 21 uninformed losses is the steps' doing, unless training ends below half of one."""
    loss = 0.7 * np.array([thrown, 2.0, 1.0, 0.8, 0.7, 0.6, 0.55, end, end, end])

    assert illnesses(judge_pace(curves(loss))) == found


def test_poor_start_that_descends_is_no_overshooting():
    """A loss above the uninformed one that falls steadily has not arrived yet."""
    loss = np.linspace(2.0, 1.5, 10)

    assert illnesses(judge_pace(curves(loss))) == ["learning rate too low"]


@pytest.mark.parametrize(
    ("batch", "found"),
    [(32, ["learning rate too high"]), (9, ["learning rate too high"]), (8, ["batch too small"])],
)
def test_jumping_loss_is_rate_or_batch(batch, found):
    """A loss that rises by a tenth of the uninformed one every other epoch is the rate's or the batch's doing."""
    loss = np.tile([0.3, 0.4], 5)

    assert illnesses(judge_pace(curves(loss, batch_size=batch))) == found


@pytest.mark.parametrize(("rises", "found"), [(3, ["learning rate too high"]), (2, [])])
def test_a_quarter_of_the_epochs_must_rise(rises, found):
    """Three rises in nine pairs of epochs are told, two are not."""
    loss = np.full(10, 0.3)
    loss[1 : 2 * rises : 2] = 0.4

    assert illnesses(judge_pace(curves(loss))) == found


def test_diverged_member_is_too_high_a_rate():
    """A member that left the finite numbers needs no curve to be told."""
    (verdict,) = judge_pace(curves([LEARNING, np.array([3.0, np.nan])], diverged=1)).verdicts

    assert verdict.illness == "learning rate too high"
    assert verdict.figure == 0.5
    assert "0.001" in verdict.advice


def test_straight_line_is_too_low_a_rate():
    """A loss that falls by as much at its end as at its start, and has most of its way to go, is told."""
    (verdict,) = judge_pace(curves(np.linspace(1.0, 0.9, 10))).verdicts

    assert verdict.illness == "learning rate too low"
    assert verdict.figure == pytest.approx(0.1)
    assert "0.1" in verdict.advice


def test_line_that_slows_down_is_fine():
    """A fall that shrinks below half of its first pace is what descent looks like."""
    assert illnesses(judge_pace(curves(0.5 + 0.5 * 0.8 ** np.arange(10)))) == []


def test_line_that_gets_half_way_is_fine():
    """A straight line that ends below half of where it began went far enough."""
    assert illnesses(judge_pace(curves(np.linspace(1.0, 0.49, 10)))) == []


def test_loss_that_does_not_move_is_too_low_a_rate():
    """A loss that varies by less than a thousandth has not been moved; rounding decides its sign."""
    still = 1.0 + 1e-7 * np.array([0, 1, -1, 2, 0, 1, 0, -1, 0, 1])

    assert illnesses(judge_pace(curves(still))) == ["learning rate too low"]


def test_stillness_that_is_explained_is_not_blamed_on_the_rate():
    """Where units are dead a loss that does not move is no sign of short steps."""
    assert illnesses(judge_pace(curves(np.ones(10)), explained=True)) == []


def test_early_stopping_that_went_back_has_seen_enough():
    """A straight line whose kept epoch lies before its end was ended by the validation rows."""
    assert illnesses(judge_pace(curves(np.linspace(1.0, 0.9, 20), kept=(10,)))) == []


@pytest.mark.parametrize(("rows", "found"), [(99, ["batch too large"]), (1000, ["learning rate too low"])])
def test_few_steps_are_the_batch(rows, found):
    """A straight line of 40 steps is put down to batches, of 320 steps to the rate."""
    assert illnesses(judge_pace(curves(np.linspace(1.0, 0.9, 10), rows=rows))) == found


def test_four_epochs_have_no_shape():
    """Nothing is said of the rate before the fifth epoch."""
    look = judge_pace(curves(np.linspace(1.0, 0.9, 4)))

    assert illnesses(look) == []
    assert "4 epochs" in look.missing


def test_most_members_must_agree_on_the_pace():
    """One straight line of three is not told, two are."""
    line = np.linspace(1.0, 0.9, 10)

    assert illnesses(judge_pace(curves([line, LEARNING, LEARNING]))) == []
    assert illnesses(judge_pace(curves([line, line, LEARNING]))) == ["learning rate too low"]


def test_loss_of_unknown_scale_is_not_called_high():
    """Without an uninformed loss (perceptron) nothing is said of overshooting."""
    assert illnesses(judge_pace(curves(np.tile([30.0, 40.0], 5), uninformed=None))) == []


# dropout


@pytest.mark.parametrize(
    ("rate", "silenced", "whole", "found"),
    [
        (0.9, 0.40, 0.20, ["too much dropout"]),
        (0.5, 0.40, 0.20, []),
        (0.9, 0.34, 0.10, []),
        (0.9, 0.40, 0.27, []),
    ],
)
def test_dropout_is_told_by_the_loss_without_it(rate, silenced, whole, found):
    """Above 0.5, half of the uninformed loss (0.35) and 0.14 more than the network without it: else silence."""
    seen = curves(np.full(10, silenced), dropout=rate, undropped=(whole,))

    assert illnesses(judge_dropout(seen)) == found


def test_dropout_needs_the_loss_without_it():
    """Where it was not measured, dropout is not looked at."""
    assert judge_dropout(curves(NOT_LEARNING, dropout=0.9)).at == ""


# over- and underfitting


def scores(train, validation, chance=0.5, rival=None, noise=0.01):
    """Scores of five folds with little noise."""
    parts = np.array([-1.0, 0.5, 1.0, -1.0, 0.5]) * noise
    gap = gap_verdict(
        train + np.zeros(5),
        validation + parts,
        test_sizes=50,
        train_sizes=200,
        reference=chance,
        best_known=rival,
    )
    return Scores("accuracy", "250 rows", gap, chance, interval(validation, 0.04), rival)


def test_gap_beyond_noise_overfits():
    """A gap whose interval lies above 0 is told, with the advice that the training allows."""
    seen = scores(1.0, 0.7)
    (plain,) = judge_fit(seen).verdicts
    (stopped,) = judge_fit(seen, curves(early_stopping=True)).verdicts
    (other,) = judge_fit(seen, curves()).verdicts

    assert plain.illness == "overfits"
    assert plain.figure == pytest.approx(0.3)
    assert "early_stopping" in other.advice
    assert "weight_decay" in stopped.advice
    assert "rows" in plain.advice


def test_gap_within_noise_is_not_told():
    """At chance on new rows, but within the noise: the verdict of the gap is not taken over."""
    seen = scores(0.55, 0.499, noise=0.2)
    seen = replace(seen, validation=interval(0.499, 0.3))

    assert seen.gap.verdict == "overfits"
    assert illnesses(judge_fit(seen)) == []
    assert "noise" in judge_fit(seen).missing


def test_underfitting_names_the_rival():
    """A model that stays behind another on its own rows underfits, and the sentence names the other."""
    seen = replace(scores(0.6, 0.6, rival=interval(0.9, 0.02)), rival_name="a vote of 5 neighbours")
    (verdict,) = judge_fit(seen).verdicts

    assert verdict.illness == "underfits"
    assert "a vote of 5 neighbours" in verdict.sentence
    assert illnesses(judge_fit(seen, explained=True)) == []


@pytest.mark.parametrize(
    ("rival", "found"), [(None, ["nothing to learn"]), (0.51, ["nothing to learn"]), (0.8, ["overfits"])]
)
def test_nothing_to_learn_unless_another_model_learns(rival, found):
    """No better than chance on new rows is the data's doing only where the other model is no better either."""
    known = None if rival is None else interval(rival, 0.04)
    seen = replace(scores(1.0, 0.5), rival=known)

    assert illnesses(judge_fit(seen)) == found


def test_wide_interval_may_hide_something():
    """An interval from below chance to far above it does not show that there is nothing."""
    seen = replace(scores(1.0, 0.5), validation=interval(0.5, 0.15))

    assert "nothing to learn" not in illnesses(judge_fit(seen))


def test_healthy_scores_give_nothing():
    """A small gap far above chance is well."""
    look = judge_fit(scores(0.95, 0.94))

    assert illnesses(look) == []
    assert look.at == "training against 250 rows"


def answers_right(rows, right):
    """Two classes in turn, and answers of which the first ones are right."""
    truth = np.arange(rows) % 2
    return truth, np.where(np.arange(rows) < right, truth, 1 - truth)


def test_split_of_few_rows_has_no_gap():
    """With 49 other rows over- and underfitting is not judged, and the reason is kept."""
    seen = split_scores(
        "accuracy", answers_right(200, 200), answers_right(49, 30), constant=0, where="49 rows"
    )

    assert seen.gap is None
    assert "49 rows" in judge_fit(seen).missing


@pytest.mark.parametrize(("right", "verdict"), [(140, "overfits"), (190, None), (200, "fits well")])
def test_split_must_lose_more_than_chance_would(right, verdict):
    """From perfect training: 140 of 200 right is overfitting, 190 may be a small gap by chance."""
    seen = split_scores(
        "accuracy", answers_right(200, 200), answers_right(200, right), constant=0, where="200 rows"
    )

    assert (None if seen.gap is None else seen.gap.verdict) == verdict


def test_split_knows_the_best_rival():
    """Of several other models the best is kept, with its name; a much better one shows underfitting."""
    truth, poor = answers_right(200, 130)
    rivals = {"worst": 1 - truth, "best": truth}
    seen = split_scores("accuracy", (truth, poor), (truth, poor), constant=0, where="200 rows", rivals=rivals)

    assert seen.rival_name == "best"
    assert illnesses(judge_fit(seen)) == ["underfits"]


def test_split_of_values_holds_parts_against_all_rows():
    """R2 of the other rows is 1 minus the mean loss over the variance of all of them; the mean is chance."""
    truth = np.arange(100.0)
    said = truth + np.where(np.arange(100) % 2, 10.0, -10.0)
    seen = split_scores("r2", (truth, said), (truth, said), constant=truth.mean(), where="100 rows")

    assert seen.chance == 0.0
    assert seen.gap.validation == pytest.approx(1 - 100 / truth.var())
    assert seen.gap.verdict == "fits well"


def test_split_of_one_class_is_not_judged():
    """Where always answering the same is right, nothing is left to learn."""
    ones = np.ones(60)
    seen = split_scores("accuracy", (ones, ones), (ones, ones), constant=1.0, where="60 rows")

    assert seen.gap is None


def test_split_needs_two_rows():
    """A single other row is refused."""
    with pytest.raises(InputError, match="at least two rows"):
        split_scores("accuracy", answers_right(9, 9), answers_right(1, 1), constant=0, where="1 row")


# class balance


def classes(learned, counts, **more):
    """Answers for classes named by letters."""
    labels = tuple("abc"[: len(learned)])
    return ClassAnswers(labels, np.array(learned), np.array(counts), **more)


@pytest.mark.parametrize(
    ("learned", "counts", "found"),
    [
        ([1000, 100], [[490, 10], [30, 20]], ["class imbalance"]),
        ([500, 101], [[490, 10], [30, 20]], []),  # less than five times rarer
        ([1000, 100], [[490, 10], [7, 2]], []),  # nine rows to be scored
        ([1000, 100], [[490, 10], [10, 40]], []),  # intervals less than 20 points apart
        ([1000, 100], [[300, 200], [30, 20]], []),  # the large class is missed as well
    ],
)
def test_rare_class_that_is_missed(learned, counts, found):
    """A class five times rarer, scored on ten rows, whose recall lies 20 points below: else silence."""
    assert illnesses(judge_balance(classes(learned, counts))) == found


def test_rows_given_to_another_rare_class_are_not_the_imbalances_doing():
    """Two rare classes that are taken for each other are alike, not outnumbered."""
    alike = classes([1000, 60, 50], [[490, 5, 5], [0, 10, 20], [0, 20, 10]])

    assert illnesses(judge_balance(alike)) == []


def test_weighted_classifier_is_not_told_to_weigh():
    """What is weighted already gets another advice."""
    told = [
        judge_balance(classes([1000, 100], [[490, 10], [30, 20]], weighted=w)).verdicts[0]
        for w in (False, True)
    ]

    assert "class_weight" in told[0].advice
    assert "class_weight" not in told[1].advice
    assert told[0].figure == 0.4


# the whole


def test_causes_come_first_and_explain():
    """Dead units explain poor scores, still losses and vanished gradients, which are then not told."""
    dead = (HiddenLayer("hidden 1", "relu", np.zeros((60, 10))),)
    norms = np.tile([0.0, 0.0, 1.0], (10, 1))
    poor = scores(0.6, 0.6, rival=interval(0.9, 0.02))
    rare = classes([1000, 100], [[490, 10], [30, 20]])
    found = judge(Examined(curves(NOT_LEARNING, norms), dead, poor, rare))

    assert illnesses(found) == ["dead units", "class imbalance"]
    assert illnesses(judge(Examined(curves(), (), poor, None))) == ["underfits"]


def test_nothing_known_gives_nothing():
    """Without evidence there is no verdict, and what is missing is told."""
    found = judge(Examined(missing=("scores: none",)))

    assert len(found) == 0
    assert str(found) == "Nothing was found wrong.\nNot judged: scores: none."


def test_healthy_network_is_looked_at():
    """A healthy network has no verdict, and the diagnosis says what it looked at."""
    alive = (HiddenLayer("hidden 1", "relu", np.ones((60, 10))),)
    found = judge(Examined(curves(), alive, scores(0.95, 0.94), classes([50, 50], [[48, 2], [2, 48]])))

    assert list(found) == []
    assert len(found.looked_at) == 5
    assert found.not_judged == ()


def test_diagnosis_is_json():
    """Verdicts and all go through JSON unchanged."""
    found = judge(Examined(classes=classes([1000, 100], [[490, 10], [30, 20]])))

    assert json.loads(json.dumps(found.to_dict()))["verdicts"][0] == found[0].to_dict()


def test_verdicts_are_of_known_illnesses():
    """An illness that is not in the vocabulary is refused."""
    with pytest.raises(ParameterError, match="illness must be one of"):
        Verdict("flu", 1.0, "", "")


def test_gap_without_a_score_of_chance_is_silent():
    """A gap that cannot be judged becomes a note."""
    gap = Gap(0.6, 0.55, -0.2, 0.3, "cannot be judged", "Training scores 0.6: more rows would tell.")
    look = judge_fit(Scores("accuracy", "30 rows", gap, 0.5, interval(0.55, 0.2)))

    assert illnesses(look) == []
    assert look.missing == "over- and underfitting: training scores 0.6: more rows would tell"
