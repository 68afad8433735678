"""The report: one HTML file that needs nothing else and lets nothing in."""

from typing import Any

from gorae.errors import InputError
from gorae.report.answer import Findings, sentences, tiles
from gorae.report.names import shortened
from gorae.report.sections import view
from gorae.report.template import rendered

__all__ = ["render_report"]


def render_report(findings: Findings) -> str:
    """A report as one HTML page: no script, no request, light and dark, on a phone and on paper.

    Every name from outside is escaped, in the pictures too; characters that hide or turn the text around
    them are made visible; long names are shortened. A strict content policy in the page forbids scripts and
    requests. The same findings give the same page, byte for byte.

    Args:
        findings: plain Python values and numpy arrays. ``title`` and ``ladder`` are needed; any other key
            may be missing or None, and its section is then left out:

            - ``title``, ``created`` (a date), ``version``: strings
            - ``data``: name, rows, columns, classes (list or None), task, target, notes (sentences)
            - ``plan``: lines, gave_up (sentences); outer (1: models were scored on held-out splits, not in
              cross-validation) and repeats
            - ``predicted``: of the rows in confusion, reliability, residuals and hardest: rows, folds (models
              that predicted them), tried (settings that each fold chose from)
            - ``ladder``: a list, simplest model first, of model, metric, score, low, high, fits, seconds,
              settings (mapping or None), other (further scores by name, or None), ahead (difference, low and
              high of the best model against it, or None); a model whose name starts with "chance" is the line
              of reference; ``best``: a model's name
            - ``comparison`` with a simpler model: simpler, difference, low, high, verdict, sentence, cost (a
              sentence)
            - ``test``: metric, score, low, high, rows, chance, seen (rows among them that were learned from),
              within (see `report.within`)
            - ``gap``: train, validation, low, high (of the gap), verdict ("fits well", ...), reason
            - ``diagnosis``: verdicts (a list of illness, figure, sentence, advice), looked_at and not_judged
              (phrases)
            - ``confusion``: labels, counts of shape (classes, classes), actual by predicted
            - ``curves``: a list of member ("fold 1" or another name), epoch, train_loss, validation_loss,
              validation_score, and ``kept``, the epoch whose parameters were kept (found by the best
              validation where missing)
            - ``curve_band``: epoch, mean, low, high over the members, ``of`` the validation score or, where
              it says so or there is none, of "validation_loss"
            - ``gradient_norms``: layers, epoch, norms of shape (epochs, layers)
            - ``reliability``: bins (confidence, accuracy, low, high, count), ece, brier, log_loss, classes
            - ``caution``: scaling, temperature, before and after (ece, brier, log_loss), detector, about,
              left_out (classes), areas (a list for each detector), interval (of the mean area),
              rows (that no judge had learned from), within: intervals or sets (see `report.within`)
            - ``check``: labels (a sentence), suspects (a list of `SuspectRow`), space and method (phrases),
              wrong (rows whose label is more probably wrong than right), twins (`Twins`), leaks (a list of
              sentence and advice)
            - ``importance``: columns (a list of name, importance, low, high, the most important first),
              metric, score, rows, repeats, left_out, parts; dependence (curves: column, values, places,
              outputs, mean, low, high, rows); pixels (image, rows, examples of row, of, image, map)
            - ``growth``: what `gorae.trust.MeasuredCurve.to_dict` gives, and model (what was measured)
            - ``doubt``: total, epistemic and aleatoric (mean, low, high), log_loss, share, members, sentence,
              classes, by_class (epistemic and aleatoric mean each), rows (row, most, actual, predicted,
              epistemic, aleatoric, image)
            - ``map``: see `gorae.report.maps.map_view`
            - ``residuals``: predicted, actual
            - ``hardest``: a list of row, actual, predicted, probability (that the model gave to the actual
              class), image (array or None), values (mapping or None)
            - ``marked``: texts that were answered wrongly, see `gorae.report.marked.marked_view`
            - ``weights``: a list of label and image, the weights of a linear model as pictures
            - ``warnings``: sentences; ``seconds_total``; ``machine``: strings by name

    Returns:
        The page. Write it as UTF-8.

    Raises:
        InputError: title or ladder is missing, or a finding has the wrong shape.

    Example:
        >>> row = {"model": "<b>mlp</b>", "metric": "accuracy", "score": 0.9}
        >>> page = render_report({"title": "Digits", "ladder": [row]})
        >>> "<b>mlp" in page, "&lt;b&gt;mlp" in page, "<script" in page
        (False, True, False)

    References:
        Content Security Policy Level 3, W3C, section 6 (directives).
    """
    if not findings.get("title") or not findings.get("ladder"):
        raise InputError("A report needs a title and a ladder of at least one model; one of them is missing.")
    page: dict[str, Any] = view(findings)
    page["sentences"] = [shortened(sentence, 2000) for sentence in sentences(findings)]
    page["tiles"] = tiles(findings)
    page["facts"] = [shortened(findings["created"], 40)] if findings.get("created") else []
    page["facts"] += page["data"]
    return rendered("page", findings["title"], page)
