"""The survival report keeps the rows of earlier runs, and none of a run that has not passed since."""

from collections import Counter

from kubectl_requestcounter.ledger import Books
from tests.survival.report import Report

BOOKS = Books(Counter({"/a": 3}), {"/a": [1, 2]}, Counter({"503": 1}), 1.25)


def first_page() -> str:
    report = Report()
    report.fault("Sentinel", "The primary's pod, by force.", "there").passed_with(BOOKS)
    report.fault("Cluster", "The primary's pod, by force.", "there").passed_with(BOOKS)
    report.renewals("Sentinel").passed("10", "1,000", "0", "0")
    return report.page()


def test_a_page_that_is_read_is_the_same_page() -> None:
    assert Report.of(first_page()).page() == first_page()


def test_a_run_replaces_its_own_row_only() -> None:
    report = Report.of(first_page())
    better = Books(Counter({"/a": 3}), {"/a": [1, 2, 3]}, Counter(), 0.5)
    report.fault("Cluster", "The primary's pod, by force.", "there").passed_with(better)
    assert report.page() == first_page().replace(
        "| Cluster | The primary's pod, by force. | there | 3 | 2 | 1 503 | 1.2 s |",
        "| Cluster | The primary's pod, by force. | there | 3 | 3 | none | 0.5 s |",
    )


def test_a_run_that_does_not_pass_leaves_no_row() -> None:
    report = Report.of(first_page())
    report.fault("Cluster", "The primary's pod, by force.", "there")
    report.renewals("Sentinel")
    assert "Cluster" not in report.page()
    assert "Passwords" not in report.page()
    assert "| Sentinel | The primary's pod" in report.page()
