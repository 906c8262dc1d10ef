"""What stands in the kernel for an object that a check has lent to a student's function."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from course_utils.grading.judging.classes import plain_class
from course_utils.grading.judging.crossing import Reference

if TYPE_CHECKING:
    from course_utils.grading.judging.kernel_side import Serving

__all__ = ["Lent"]


class Lent:
    """What stands in the kernel for an object of the judge: a function or a trial, say."""

    stands_for_another = True

    def __init__(self, serving: Serving, reference: Reference) -> None:
        self.__dict__.update(_serving=serving, _number=reference.number, _of=reference.classes)

    @property
    def __class__(self) -> type:
        return plain_class(self._of) or Lent

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return self._serving.ask("lent", self._number, None, list(arguments), options)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        is_method, value = self._serving.ask("lent attribute", self._number, name)
        return _Method(self, name) if is_method else value


class _Method:
    def __init__(self, lent: Lent, name: str) -> None:
        self.lent, self.name = lent, name

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        lent = self.lent
        return lent._serving.ask("lent", lent._number, self.name, list(arguments), options)
