"""Masks become class values; names that a viewer gave to their segments decide where they are classes."""

import numpy as np
import pytest

from custom.data.label_values import label_values
from custom.types import UNKNOWN_CLASS, InputError

CLASSES = ("hemangioma", "HCC")


def read(*values, lesion_class=None, names=None):
    mask = np.array([0, *values], np.int16).reshape(1, 1, -1)
    found = label_values(mask, lesion_class, CLASSES, where="c01/tumour", names=names)
    return found.data.ravel().tolist()[1:], found.lesion_class, found.class_values


def test_without_names_a_one_says_where_not_what():
    assert read(1) == ([1], UNKNOWN_CLASS, False)
    assert read(1, lesion_class="HCC") == ([2], 1, True)


def test_named_values_are_classes_in_whatever_order():
    assert read(1, names={1: "hemangioma", 2: "hcc"}) == ([1], 0, True)
    assert read(1, names={1: "hcc"}) == ([2], 1, True)
    assert read(1, 7, 7, names={1: "HCC", 7: "Hemangioma"}) == ([2, 1, 1], UNKNOWN_CLASS, True)


def test_names_that_are_no_classes_say_nothing():
    assert read(1, lesion_class="HCC", names={1: "tumour"}) == ([2], 1, True)
    assert read(1, names={1: "Segment_1"}) == ([1], UNKNOWN_CLASS, False)


def test_a_stranger_among_the_segments_is_an_error_only_where_it_was_drawn():
    names = {1: "hemangioma", 2: "liver"}
    assert read(1, names=names) == ([1], 0, True)
    with pytest.raises(InputError, match="segments that are no class: 'liver'"):
        read(1, 2, names=names)
    with pytest.raises(InputError, match="segments that are no class: 'value 3'"):
        read(3, names=names)


def test_named_segments_and_the_studys_class_must_agree():
    with pytest.raises(InputError, match=r"label value 1 \(hemangioma\) in a study of class 'HCC'"):
        read(1, lesion_class="HCC", names={1: "hemangioma"})


def test_an_empty_mask_stays_empty():
    assert read(0, names={1: "hcc"}) == ([0], UNKNOWN_CLASS, False)
