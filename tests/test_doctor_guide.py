"""The guide's page of the run doctor says what the rules do."""

from engine.runs.doctor.rules import RULES
from tests import doctor_guide


def test_the_guide_is_what_the_rules_say() -> None:
    assert doctor_guide.PAGE.read_text() == doctor_guide.page_text(), "python -m tests.doctor_guide --write"


def test_every_rule_has_a_name_of_its_own_and_words_for_when_it_fires_and_what_to_do() -> None:
    assert len({rule.name for rule in RULES}) == len({rule.title for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert rule.fires.endswith(".")
        assert rule.advice.endswith(".")
