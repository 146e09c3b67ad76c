"""A hash behind the contents of a file."""

from hypothesis import HealthCheck, given, settings, strategies as st

from trialwise.base.seal import LENGTH, is_broken, sealed


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(contents=st.binary(max_size=300), place=st.integers(0, 1000), flip=st.integers(1, 255))
def test_every_changed_byte_is_noticed(tmp_path, contents, place, flip):
    path, whole = tmp_path / "file", bytearray(sealed(contents))
    path.write_bytes(whole)
    assert len(whole) == len(contents) + LENGTH and not is_broken(path)
    whole[place % len(whole)] ^= flip
    path.write_bytes(whole)
    assert is_broken(path)


def test_files_without_a_hash_are_not_broken(tmp_path):
    for contents in (b"", b"short", b"x" * 500):
        (tmp_path / "file").write_bytes(contents)
        assert not is_broken(tmp_path / "file")
