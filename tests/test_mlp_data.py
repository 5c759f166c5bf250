"""Data sets: what is read is what was written, and what cannot be used is refused by name."""

import gzip
import io
import struct
import sys
import zipfile

import numpy as np
import pytest

from gmm_flatness import GaussianMixture
from gmm_flatness.errors import DomainError
from gmm_flatness.mlp.data import digits, from_arrays, label_noise, load, mixture, mnist1d, split
from gmm_flatness.mlp.files import read_csv, read_idx

X = np.arange(24.0).reshape(8, 3) ** 1.5
Y = np.array(["b", "a", "b", "a", "b", "a", "b", "b"])


def _idx(array, code=8):
    head = struct.pack(">BBBB", 0, 0, code, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.astype({8: ">u1", 13: ">f4"}[code]).tobytes()


def test_mnist1d_is_the_default_set_with_fresh_test_samples():
    from mnist1d.data import get_dataset_args, make_dataset

    kept = np.random.get_bit_generator()
    data = mnist1d(test_samples=200)
    assert np.random.get_bit_generator() is kept
    default = make_dataset(get_dataset_args())
    np.testing.assert_array_equal(data.inputs, default["x"])
    np.testing.assert_array_equal(data.labels, default["y"])
    assert data.inputs.shape == (4000, 40) and data.test_inputs.shape == (200, 40) and len(data.classes) == 10
    gaps = np.abs(data.test_inputs[:, None] - default["x_test"][None]).max(axis=2)
    assert gaps.min() > 1e-6


@pytest.mark.parametrize("name, package", [("mnist1d", "mnist1d.data"), ("digits", "sklearn.datasets")])
def test_a_missing_package_is_named(monkeypatch, name, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(DomainError, match=r"gmm_flatness\[mlp\]"):
        load(name)


def test_digits_and_mixture():
    data = digits(rng=0)
    assert len(data.labels) + len(data.test_labels) == 1797 and data.inputs.max() == 1.0
    again = digits(rng=0)
    np.testing.assert_array_equal(data.labels, again.labels)
    drawn = mixture(GaussianMixture(alpha=2.0, delta=0.25), 400, test_samples=5000, rng=1)
    assert drawn.inputs.shape == (800, 400) and drawn.classes.tolist() == [-1.0, 1.0]
    mean = ((2 * drawn.labels - 1)[:, None] * drawn.inputs).mean(axis=0)
    projected = (2 * drawn.test_labels - 1) * (drawn.test_inputs @ mean)
    assert projected.mean() > 10 * projected.std() / np.sqrt(5000)


def test_labels_are_numbered_and_parts_stratified():
    data = from_arrays(X, Y, test_fraction=0.4, rng=0)
    assert data.classes.tolist() == ["a", "b"]
    assert sorted(data.test_labels) == [0, 1, 1] and len(data.labels) == 5
    np.testing.assert_array_equal(np.sort(np.concatenate([data.inputs, data.test_inputs])[:, 0]), X[:, 0])
    labels = np.repeat([0, 1, 2], [100, 50, 10])
    first, second = split(labels, 0.2, rng=3)
    assert np.bincount(labels[second]).tolist() == [20, 10, 2]
    assert not set(first) & set(second) and len(first) + len(second) == 160


def test_label_noise_is_wrong_in_exactly_the_stated_fraction():
    labels = np.arange(5000) % 10
    noisy = label_noise(labels, 10, 0.2, rng=0)
    assert (noisy != labels).sum() == 1000 and noisy.min() == 0 and noisy.max() == 9
    shifts = np.bincount((noisy - labels)[noisy != labels] % 10, minlength=10)[1:]
    assert ((shifts - 1000 / 9) ** 2 / (1000 / 9)).sum() < 26.1  # chi-square, 8 degrees of freedom, p = 0.001
    data = from_arrays(X, Y, test_fraction=0.4, rng=0)
    np.testing.assert_array_equal(data.noisy(0.4, rng=0).test_labels, data.test_labels)
    assert (data.noisy(0.4, rng=0).labels != data.labels).sum() == 2


def test_standardized_features():
    inputs = np.column_stack([X, np.full(8, 3.0), np.where(Y, 0.1 + 0.2, 0.3)])  # the last is constant up to rounding
    data = from_arrays(inputs, Y, test=(inputs[:2], Y[:2])).standardized()
    np.testing.assert_allclose(data.inputs.mean(axis=0), 0.0, atol=1e-14)
    np.testing.assert_allclose(data.inputs.std(axis=0), [1, 1, 1, 0, 0], rtol=1e-12, atol=1e-15)
    np.testing.assert_array_equal(data.test_inputs, data.inputs[:2])


def test_npz_and_csv_give_back_what_was_written(tmp_path):
    np.savez(tmp_path / "a.npz", X_train=X, y_train=Y, X_test=X[:2], y_test=Y[:2])
    (tmp_path / "b.csv").write_text("f1,label,f2,f3\n" + "".join(f"{a!r},{y},{b!r},{c!r}\n" for (a, b, c), y in
                                                                 zip(X.tolist(), Y, strict=True)))
    (tmp_path / "c.csv").write_text("".join(f"{a!r}, {b!r}, {c!r}, {y}\n" for (a, b, c), y in
                                            zip(X.tolist(), Y, strict=True)))
    stored = load(tmp_path / "a.npz")
    np.testing.assert_array_equal(stored.inputs, X)
    np.testing.assert_array_equal(stored.test_labels, [1, 0])
    assert len(load(tmp_path / "c.csv", test_fraction=0.5, header=False, rng=0).test_labels) == round(0.5 * len(Y))
    for source in (tmp_path / "a.npz", "mixture"):
        with pytest.raises(DomainError, match="test_fraction"):
            load(source, test_fraction=0.5)
    for name, header in (("b.csv", None), ("c.csv", False)):
        data = load(str(tmp_path / name), header=header, rng=0)
        whole = np.concatenate([data.inputs, data.test_inputs])
        numbers = np.concatenate([data.labels, data.test_labels])
        order = np.argsort(whole[:, 0])
        np.testing.assert_array_equal(whole[order], X)
        np.testing.assert_array_equal(data.classes[numbers[order]], Y)


@pytest.mark.parametrize("zipped", [False, True])
def test_idx_files(tmp_path, zipped):
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (9, 4, 3)), np.arange(9) % 2
    ending = ".gz" if zipped else ""
    pack = gzip.compress if zipped else bytes
    for part, count in (("train", 9), ("t10k", 4)):
        (tmp_path / f"{part}-images-idx3-ubyte{ending}").write_bytes(pack(_idx(images[:count])))
        (tmp_path / f"{part}-labels-idx1-ubyte{ending}").write_bytes(pack(_idx(labels[:count])))
    data = load(tmp_path)
    np.testing.assert_array_equal(data.inputs, images.reshape(9, 12))
    np.testing.assert_array_equal(data.test_labels, labels[:4])
    single = load(tmp_path / f"train-images-idx3-ubyte{ending}", rng=0)
    assert len(single.labels) + len(single.test_labels) == 9
    (tmp_path / "floats").write_bytes(_idx(np.array([0.5, -1.25]), 13))
    assert read_idx(tmp_path / "floats").tolist() == [0.5, -1.25]


def _written(folder, name, content):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("name, content", [
    ("a.npz", b"not a zip"), ("a.csv", "1,2,a\n3,b\n"), ("a.csv", "f,g,y\n1,2,a\n3,x,b\n"), ("a.csv", "1\n2\n"),
    ("a.csv", "1,2,a\n"), ("a.csv", b"\xff\xfe,1\n"), ("a.txt", "1,2\n"), ("images-idx3", b"\0\0\x08\x01"),
])
def test_malformed_files_are_refused(tmp_path, name, content):
    with pytest.raises(DomainError) as caught:
        load(_written(tmp_path, name, content))
    assert caught.value.parameter == "data" and name in str(caught.value)


def test_malformed_idx_and_npz_contents_are_refused(tmp_path):
    for content in (b"", b"\0\0\x07\x01\0\0\0\x01a", _idx(np.arange(5))[:-1], b"\0\0\x08\x02\0\0\0\x01"):
        with pytest.raises(DomainError, match="IDX"):
            read_idx(_written(tmp_path, "x-idx1", content))
    with pytest.raises(DomainError, match="gzip"):
        read_idx(_written(tmp_path, "x-idx1.gz", b"plain"))
    for arrays in ({"x": X}, {"x": X, "y": Y, "x_test": X}, {"x": X, "y": np.array([None] * 8, dtype=object)}):
        np.savez(tmp_path / "bad.npz", **arrays)
        with pytest.raises(DomainError):
            load(tmp_path / "bad.npz")
    with pytest.raises(DomainError, match="existing"):
        load(tmp_path / "missing.npz")
    with pytest.raises(DomainError, match="train-images"):
        load(tmp_path)


NAMED = "a,y,b\n1,p,2\n3,q,4\n"


@pytest.mark.parametrize("content, options, labels, second", [
    ("\ufeffy,a,b\np,1,2\nq,3,4\n", {}, ["p", "q"], [2.0, 4.0]),
    ("\ufeffa,y,b\r\n1,p,2\r\n3,q,4\r\n", {}, ["p", "q"], [2.0, 4.0]),
    ("1,2,p\n3,4,q\n", {"header": False}, ["p", "q"], [2.0, 4.0]),
    ("p,2,1\nq,4,3\n", {"header": False, "label": 0}, ["p", "q"], [1.0, 3.0]),
    ("0,1,2\n1,2,5\n3,4,6\n", {"header": True}, [5.0, 6.0], [2.0, 4.0]),
    ("a,y,b\n1,7,2\n3,8,4\n", {"label": "B"}, [2.0, 4.0], [7.0, 8.0]),
    ("a,b,kind\n1,2,p\n3,4,q\n", {"label": -1}, ["p", "q"], [2.0, 4.0]),
    ("a,b,y\n1,2,1\n3,4,1.0\n5,6,0\n", {}, [1.0, 1.0, 0.0], [2.0, 4.0, 6.0]),
    ("label,a,b\n01,1,2\n1e0,3,4\n", {}, [1.0, 1.0], [2.0, 4.0]),
])
def test_csv_is_read_right(tmp_path, content, options, labels, second):
    found = read_csv(_written(tmp_path, "a.csv", content), **options)
    assert found["y"].tolist() == labels and found["x"][:, 1].tolist() == second


@pytest.mark.parametrize("content, options, name, match", [
    ("1,2,p\n3,4,q\n", {}, "header", "no-header"), ("0,1,2\n5,6,7\n", {}, "header", "0,1,2"),
    ("nan,2,p\n3,4,q\n", {}, "header", "line 1"), ("a,,y\n3,4,q\n", {}, "header", "line 1"),
    ("a,y\n1,p\n2,\n", {}, "data", "line 3: label ''"), ("a,y\n1,NaN\n2,p\n", {}, "data", "line 2: label 'NaN'"),
    ("a,y\n\n1,p\ninf,q\n", {}, "data", "line 4: 'inf'"), ("a,y\n1_0,p\n2,q\n", {}, "data", "line 2: '1_0'"),
    ("y,label,a\np,q,1\nr,s,2\n", {}, "label", "columns"), (NAMED, {"label": "kind"}, "label", "kind"),
    (NAMED, {"label": 3}, "label", "3"), ("b,b,y\n1,2,p\n3,4,q\n", {"label": "b"}, "label", "columns"),
])
def test_csv_that_may_be_misread_is_refused(tmp_path, content, options, name, match):
    with pytest.raises(DomainError, match=match) as caught:
        read_csv(_written(tmp_path, "a.csv", content), **options)
    assert caught.value.parameter == name and "a.csv" in str(caught.value)


def _damaged_zip(arrays):
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    content = bytearray(stream.getvalue())
    content[60:100] = bytes(40)
    return bytes(content)


def _npy(array):
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def _zip_of_text():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as stored:
        stored.writestr("x.npy", b"\x93NUMPY\x01\x00\xff\xff{")
        stored.writestr("y.npy", b"text")
    return stream.getvalue()


@pytest.mark.parametrize("content", [_npy(X), _damaged_zip({"x": np.ones((50, 50)), "y": np.ones(50)}), _zip_of_text()])
def test_what_is_no_npz_is_refused(tmp_path, content):
    with pytest.raises(DomainError, match=r"a\.npz"):
        load(_written(tmp_path, "a.npz", content))


def test_a_name_that_no_file_can_have_is_refused():
    with pytest.raises(DomainError, match="readable"):
        load("x" * 5000 + ".csv")


def test_unusable_arrays_name_their_file(tmp_path):
    for bad in ({"x": X * 1j, "y": Y}, {"x": X.astype(str), "y": Y}, {"x": X, "y": np.ones(8) * 1j},
                {"x": X, "x_train": X, "y": Y}, {"x": X, "X": X, "y": Y},
                {"x": X, "y": np.append(np.zeros(7), np.nan)}):
        np.savez(tmp_path / "bad.npz", **bad)
        with pytest.raises(DomainError, match=r"bad\.npz"):
            load(tmp_path / "bad.npz")


def test_idx_with_dimensions_beyond_64_bits_and_damaged_gzip_are_refused(tmp_path):
    vast = b"\0\0\x08\x03" + struct.pack(">3I", 2**31, 2**31, 4)  # the product is 2^64, zero in 64 bits
    with pytest.raises(DomainError, match="IDX"):
        read_idx(_written(tmp_path, "x-idx3", vast))
    packed = bytearray(gzip.compress(_idx(np.arange(2000))))
    packed[30:60] = bytes(30)
    with pytest.raises(DomainError, match="gzip"):
        read_idx(_written(tmp_path, "x-idx1.gz", bytes(packed)))


def test_options_without_a_meaning_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", x=X, y=Y)
    for source in (tmp_path / "a.npz", "mixture", "digits"):
        for options in ({"header": True}, {"label": 0}):
            with pytest.raises(DomainError) as caught:
                load(source, **options)
            assert caught.value.parameter == next(iter(options))


@pytest.mark.parametrize("x, y", [
    (np.ma.masked_array(X, X > 5), Y), (X * 1j, Y), (X.astype(str), Y),
    (X, np.ma.masked_array(np.arange(8) % 2, False)),
    (X, np.array(["a", None] * 4, dtype=object)), (X, np.array([1, "1"] * 4, dtype=object)),
    (X, np.array([0.0, float("nan")] * 4, dtype=object)), ([[10**400, 1.0]] * 8, Y),
])
def test_masked_complex_and_mixed_arrays_are_refused(x, y):
    with pytest.raises(DomainError) as caught:
        from_arrays(x, y)
    assert caught.value.parameter in ("x", "y")


@pytest.mark.parametrize("x, y, test, match", [
    (np.full((8, 3), np.nan), Y, None, "finite"), (X[:, 0], Y, None, "dimension"), (X, Y[:-1], None, "one for each"),
    (X, np.zeros(8), None, "two classes"), (X, np.append(np.zeros(7), np.nan), None, "finite"),
    (X, Y[:, None], None, "vector"), (X, Y, (X[:, :2], Y), "features"), (X, Y, (X, Y[:3]), "each label"),
    (X, Y, (X[:1], np.array(["c"])), "occur in training"), (X, np.append(np.zeros(7), 1), None, "two samples"),
    (np.empty((0, 3)), Y, None, "at least one row"),
])
def test_unusable_data_is_refused(x, y, test, match):
    with pytest.raises(DomainError, match=match):
        from_arrays(x, y, test=test, rng=0)
