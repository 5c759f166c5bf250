"""Data sets: what is read is what was written, and what cannot be used is refused by name."""

import gzip
import struct
import sys

import numpy as np
import pytest

from gmm_flatness import GaussianMixture
from gmm_flatness.errors import DomainError
from gmm_flatness.mlp.data import digits, from_arrays, label_noise, load, mixture, mnist1d, split
from gmm_flatness.mlp.files import read_idx

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
    inputs = np.column_stack([X, np.full(8, 3.0)])
    data = from_arrays(inputs, Y, test=(inputs[:2], Y[:2])).standardized()
    np.testing.assert_allclose(data.inputs.mean(axis=0), 0.0, atol=1e-14)
    np.testing.assert_allclose(data.inputs.std(axis=0), [1, 1, 1, 0], rtol=1e-12)
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
    assert len(load(tmp_path / "c.csv", test_fraction=0.5, rng=0).test_labels) == round(0.5 * len(Y))
    for source in (tmp_path / "a.npz", "mixture"):
        with pytest.raises(DomainError, match="test_fraction"):
            load(source, test_fraction=0.5)
    for name in ("b.csv", "c.csv"):
        data = load(str(tmp_path / name), rng=0)
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
    ("a.npz", b"not a zip"), ("a.csv", "1,2,a\n3,b\n"), ("a.csv", "1,2,a\n3,x,b\n"), ("a.csv", "1\n2\n"),
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


@pytest.mark.parametrize("x, y, test, match", [
    (np.full((8, 3), np.nan), Y, None, "NaN"), (X[:, 0], Y, None, "dimension"), (X, Y[:-1], None, "one for each"),
    (X, np.zeros(8), None, "two classes"), (X, np.append(np.zeros(7), np.nan), None, "finite"),
    (X, Y[:, None], None, "vector"), (X, Y, (X[:, :2], Y), "features"), (X, Y, (X, Y[:3]), "each label"),
    (X, Y, (X[:1], np.array(["c"])), "occur in training"), (X, np.append(np.zeros(7), 1), None, "two samples"),
    (np.empty((0, 3)), Y, None, "at least one row"),
])
def test_unusable_data_is_refused(x, y, test, match):
    with pytest.raises(DomainError, match=match):
        from_arrays(x, y, test=test, rng=0)
