import pytest

from course_utils.grading.judging.names import cell_names


@pytest.mark.parametrize(
    ("source", "used", "bound", "changed"),
    [
        ("x = y + 1", "y", "x", "x"),
        ("x += 1", "x", "x", "x"),
        ("import numpy as np, os.path\nfrom a import b as c", "", "np os c", "np os c"),
        ("x = 1\ny = x", "", "x y", "x y"),
        ("y = x\nx = 1", "x", "x y", "x y"),
        ("def f(a, b=c):\n    d = a + g(h)\n    return d", "c g h", "f", "f"),
        ("def f():\n    return x\nx = 1", "", "f x", "f x"),
        ("class A(B):\n    def f(self):\n        return x", "B x", "A", "A"),
        ("[f(a, b) for a in c if a]", "f b c", "", ""),
        ("g = lambda a: a + b", "b", "g", "g"),
        ("for i in range(n):\n    t = i * k", "range n k", "", "i t"),
        ("for i, a in enumerate(b):\n    print(i, a)\nc = i", "enumerate b print", "c", "i a c"),
        ("with f() as g:\n    x = g", "f", "g x", "g x"),
        ("if a:\n    x = 1\nelse:\n    x = b", "a b", "", "x"),
        ("try:\n    x = f()\nexcept E as error:\n    print(error)", "f E print", "", "x error"),
        ("scores['a'] = f(x)", "scores f x", "", "scores"),
        ("net.rate = 2", "net", "", "net"),
        ("(a, b), *c = d", "d", "a b c", "a b c"),
        ("if (n := f()) > 2:\n    pass", "f", "", "n"),
        ("not python at all", "", "", ""),
        ("%matplotlib inline", "", "", ""),
    ],
)
def test_the_names_of_a_cell(source, used, bound, changed):
    names = cell_names(source)
    assert names.bound == set(bound.split())
    assert names.changed == set(changed.split())
    assert names.used == set(used.split())
