"""`make notebooks`: executed copies are checked in order, and one that differs ends the check."""

import nbformat
import pytest

from lib.params import load
from workflow import validate
from workflow.pipeline import STEPS, before


def test_every_copy_is_checked_after_those_that_it_needs(monkeypatch):
    checked: list[str] = []

    def check(name: str) -> bool:
        assert set(before(name, load("smoke"))) <= set(checked)
        checked.append(name)
        return True

    monkeypatch.setattr(validate, "check", check)
    validate.main()
    assert sorted(checked) == sorted(STEPS)


def test_a_copy_that_differs_ends_the_check(monkeypatch):
    monkeypatch.setattr(validate, "check", lambda name: name != "02_stage1_network")
    with pytest.raises(SystemExit, match="02_stage1_network does not give"):
        validate.main()


def test_a_notebook_that_prints_something_else_than_its_copy_fails(monkeypatch, tmp_path):
    monkeypatch.setattr(validate, "ROOT", tmp_path)
    cell = nbformat.v4.new_code_cell(
        "print(1 + 1)", execution_count=1, metadata={"tags": ["nbval-check-output"]}
    )
    cell.outputs = [nbformat.v4.new_output("stream", text="3\n")]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    page = nbformat.v4.new_notebook(cells=[cell], metadata=kernel)
    (tmp_path / "outputs" / "smoke").mkdir(parents=True)
    for text, same in (("3\n", False), ("2\n", True)):
        cell.outputs[0].text = text
        nbformat.write(page, tmp_path / "outputs" / "smoke" / "02_stage1_network.ipynb")
        assert validate.check("02_stage1_network") == same
