import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import UID

from pyconquest_rt.errors import SettingsError
from pyconquest_rt.exports.deidentify.pseudonyms import Pseudonyms, new_key

KEY = b"a key for the tests only"


@given(st.text(max_size=64))
def test_one_key_gives_one_pseudonym(original: str) -> None:
    one, other, stranger = Pseudonyms(KEY), Pseudonyms(KEY), Pseudonyms(KEY + b"!")
    assert one.uid(original) == other.uid(original) != stranger.uid(original)
    assert one.patient(original) == other.patient(original) != stranger.patient(original)
    assert one.shift_days(original) == other.shift_days(original)


@given(st.text(max_size=64))
def test_what_is_given_is_valid(original: str) -> None:
    pseudonyms = Pseudonyms(KEY)
    uid = UID(pseudonyms.uid(original))
    assert uid.is_valid and uid.startswith("2.25.")
    assert pseudonyms.patient(original).isalnum() and len(pseudonyms.patient(original)) == 13
    days = pseudonyms.shift_days(original)
    assert days % 7 == 0 and -3640 <= days <= -364


def test_it_remembers_what_it_gave_until_asked() -> None:
    pseudonyms = Pseudonyms(KEY)
    uid = pseudonyms.uid("1.2.3")
    pseudonyms.uid("1.2.3")
    assert pseudonyms.take() == [("uid", "1.2.3", uid)]
    assert pseudonyms.take() == []


def test_a_short_key_is_refused() -> None:
    with pytest.raises(SettingsError, match="at least 16"):
        Pseudonyms(b"short")
    assert new_key() != new_key()
    Pseudonyms(new_key())
