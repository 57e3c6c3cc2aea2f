"""Warnings become notes, from many threads at once, and the filters are as before afterwards."""

import threading
import warnings

import pytest

from skydeck.sources.quiet import noted


def test_warnings_are_collected_once_and_not_raised():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with noted() as notes:
            warnings.warn("odd axis at http://u:p@h/x", UserWarning, stacklevel=1)
            warnings.warn("odd axis at http://u:p@h/x", UserWarning, stacklevel=1)
            warnings.warn("going away", DeprecationWarning, stacklevel=1)
        assert notes == ["odd axis at http://h/x"]
        with pytest.raises(UserWarning):
            warnings.warn("again an error", UserWarning, stacklevel=1)


def test_threads_that_overlap_keep_their_own_notes_and_restore_the_filters():
    before, show = warnings.filters[:], warnings.showwarning
    started, found = threading.Barrier(8), {}

    def work(number: int) -> None:
        started.wait()
        for _ in range(50):
            with noted() as notes:
                warnings.warn(f"from {number}", UserWarning, stacklevel=1)
            found.setdefault(number, set()).update(notes)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: {f"from {number}"} for number in range(8)}
    assert warnings.filters == before and warnings.showwarning is show
