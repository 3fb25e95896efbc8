"""What came of a part of scripts/prove."""
import dataclasses

PASSED, FAILED, LEFT_OUT = 'passed', 'failed', 'left out'


@dataclasses.dataclass
class Seen:
    result: str
    figures: str
    details: list = dataclasses.field(default_factory=list)
