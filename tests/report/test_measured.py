"""The report says where the times were measured, and warns if no run was made there."""

from typing import Any

VARIANTS = ["baseline", "se"]
WARNING = "**The times below are not those of a machine that trained these runs.**"


def test_times_from_another_class_of_machine_are_reported_as_such(make: Any, rendered: Any) -> None:
    made = make(variants=VARIANTS)
    assert WARNING not in rendered(made)
    move(made, VARIANTS, processor="Other CPU", instruction_set="AVX2")
    text = rendered(made)
    for section in ("Results", "Latency and training steps"):
        assert text.section(section).count(WARNING) == 1
    assert (
        f"{WARNING} They were measured with processor Example CPU @ 2.0 GHz (the runs: Other CPU) and instruction set "
        "AVX512 (the runs: AVX2). Another class of machine has other ratios; "
        "`dvc repro -f -s studies/made_up/dvc.yaml:latency` measures them on the machine at hand."
    ) in text


def test_with_several_environments_the_report_names_that_of_the_times(make: Any, rendered: Any) -> None:
    made = make(variants=VARIANTS)
    move(made, VARIANTS, seeds=[1], processor="Other CPU")
    text = rendered(made)
    assert WARNING not in text
    assert "are those of environment 1 (see [Environment](#environment)), from which 4 runs of 6 come." in text
    move(made, VARIANTS, seeds=[0, 1], processor="Other CPU")
    assert "are those of environment 2 (see [Environment](#environment)), from which 2 runs of 6 come." in rendered(
        made
    )


def move(made: Any, variants: list[str], *, seeds: list[int] = [0, 1, 2], **facts: str) -> None:  # noqa: B006
    """Record that runs were made elsewhere."""
    for variant in variants:
        for seed in seeds:
            environment = made.run(variant, seed).identity.environment.model_copy(update=facts)
            made.change(variant, seed, identity={"environment": environment})
