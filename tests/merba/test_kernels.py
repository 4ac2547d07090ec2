"""The C++ kernels against the same computation in torch, which takes their place without a compiler."""

import pytest
import torch
import torch.nn.functional as F

from merba import create_model, native
from merba.kernels import bernoulli, triple_stream
from merba.loop import fit
from merba.overrides import resolve

compiled = pytest.mark.skipif(native.compiled(triple_stream.__file__) is None, reason="no C++ compiler")


@pytest.fixture
def without_kernels(monkeypatch):
    """Calls its argument with torch's operations alone."""

    def call(function, *args):
        with monkeypatch.context() as patch:
            patch.setattr(native, "compiled", lambda module: None)
            return function(*args)

    return call


def flow(n, channels, size):
    """Clips with noise and with flat areas, where several pixels of a window are equally high."""
    x = torch.rand(n, channels, size, size, generator=torch.Generator().manual_seed(1)) * 255
    x[:, :, : size // 3] = 100.0
    x[: n // 4] = 0.0
    return x, torch.arange(n) % 3


def step(model, x, y):
    """Loss and gradients of one step, and the running statistics after it."""
    torch.manual_seed(7)
    loss, _ = model.loss(x, y, 0.0)
    loss.backward()
    return loss.item(), {name: p.grad.double() for name, p in model.named_parameters()}, model.state_dict()


def network(channels=3, size=28, dropout=0.5, dtype=torch.float32):
    """STSTNet with BatchNorm weights of both signs."""
    torch.manual_seed(0)
    model = create_model("ststnet", 3, channels, size, dropout=dropout)
    with torch.no_grad():
        for norm in (model.bn1, model.bn2, model.bn3):
            norm.weight.copy_(torch.linspace(-1, 1.3, len(norm.weight)))
            norm.bias.normal_()
    return model.to(dtype)


@compiled
@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("size", [20, 27, 28, 29, 31, 59, 60])
def test_a_step_is_that_of_double_precision(channels, size, without_kernels):
    x, y = flow(24, channels, size)
    exact = without_kernels(step, network(channels, size, 0.0, torch.float64), x.double(), y)
    torchs = without_kernels(step, network(channels, size, 0.0), x, y)
    ours = step(network(channels, size, 0.0), x, y)
    assert ours[0] == pytest.approx(exact[0], rel=1e-5)
    for name, gradient in exact[1].items():
        largest = gradient.abs().max().clamp(min=1e-3)
        assert (ours[1][name] - gradient).abs().max() <= 1e-4 * largest, name
    for name, value in torchs[2].items():
        torch.testing.assert_close(ours[2][name], value, rtol=5e-5, atol=1e-5)


@compiled
@pytest.mark.parametrize("dropout", [0.0, 0.3, 1.0])
def test_dropout_drops_what_torch_would(dropout, without_kernels):
    x, y = flow(24, 3, 28)
    ours, torchs = (
        step(network(dropout=dropout), x, y),
        without_kernels(step, network(dropout=dropout), x, y),
    )
    assert ours[0] == pytest.approx(torchs[0], rel=1e-4)
    for name, gradient in torchs[1].items():
        largest = gradient.abs().max().clamp(min=1e-3)
        assert (ours[1][name] - gradient).abs().max() <= 2e-3 * largest, name


@compiled
def test_weights_may_lie_in_memory_as_they_like():
    x, y = flow(24, 3, 28)
    plain, other = step(network(), x, y), step(network().to(memory_format=torch.channels_last), x, y)
    assert all(gradient.equal(plain[1][name]) for name, gradient in other[1].items())


@compiled
def test_features_that_no_loss_asks_for_have_no_gradient():
    class Ignored(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.sum()

        @staticmethod
        def backward(ctx, gradient):
            return None

    model = network().train()
    Ignored.apply(model.features(flow(6, 3, 28)[0])).backward()
    assert model.conv1.weight.grad is None


@compiled
def test_a_whole_training_ends_in_the_same_decisions(without_kernels):
    x, y = flow(60, 3, 28)
    x[y == 1, 0, 12:] += 60
    x[y == 2, 1, 12:] += 60
    recipe = resolve("ststnet", {"epochs": 60, "lr": 1e-3, "batch": 32, "shuffle": True})

    def trained():
        torch.manual_seed(0)
        model = create_model("ststnet", 3, 3, 28)
        fit(model, recipe, x, y, 0, lambda x, negate: x)
        return model.predict(x)

    ours, torchs = trained(), without_kernels(trained)
    assert (ours[0] == y).float().mean() > 0.9
    assert torch.equal(ours[0], torchs[0])
    torch.testing.assert_close(ours[1], torchs[1], rtol=0, atol=5e-3)


@compiled
def test_a_weight_that_is_no_number_is_not_hidden():
    x, y = flow(6, 3, 28)
    model = network()
    with torch.no_grad():
        model.conv2.weight[1, 0, 1, 1] = float("nan")
    assert step(model, x, y)[0] != step(model, x, y)[0]


@compiled
def test_what_the_kernel_cannot_do_is_left_to_torch():
    x = torch.rand(2, 3, 28, 28)
    assert triple_stream.serves(x)
    assert not triple_stream.serves(x.double())
    assert not triple_stream.serves(x.clone().requires_grad_())
    assert not triple_stream.serves(torch.rand(2, 4, 28, 28))
    assert not triple_stream.serves(torch.rand(2, 3, 61, 61))
    with torch.no_grad():
        assert not triple_stream.serves(x)


@compiled
@pytest.mark.parametrize("p", [0.1, 0.5, 0.73])
@pytest.mark.parametrize("drawn_before", [0, 1, 2, 623, 624, 625])
def test_factors_come_from_torchs_own_stream(p, drawn_before):
    def drawn(draw):
        torch.manual_seed(3)
        torch.empty(drawn_before).uniform_()
        return [draw() for _ in range(5)] + [torch.randperm(100), torch.randn(3)]

    ones = torch.ones(37, 11)
    ours = drawn(lambda: bernoulli.dropout_factors((37, 11), p))
    for mine, torchs in zip(ours, drawn(lambda: F.dropout(ones, p)), strict=True):
        assert torch.equal(mine, torchs)


@compiled
@pytest.mark.parametrize("p", [k / 100 for k in range(101)])
def test_factors_are_torchs_at_every_rate(p):
    torch.manual_seed(0)
    ours = bernoulli.dropout_factors((50,), p)
    torch.manual_seed(0)
    assert torch.equal(ours, F.dropout(torch.ones(50), p))


@compiled
def test_a_stream_of_another_kind_is_left_alone(monkeypatch):
    bernoulli._stream_is_known.cache_clear()
    monkeypatch.setattr(bernoulli, "_by_kernel", lambda out, p, generator: out.zero_())
    assert not bernoulli._stream_is_known()
    bernoulli._stream_is_known.cache_clear()


class TestLibrary:
    """`native.compiled` where something is missing."""

    @pytest.fixture(autouse=True)
    def fresh(self, tmp_path, monkeypatch):
        native.compiled.cache_clear()
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        self.module = tmp_path / "some.py"
        self.source = tmp_path / "some.cpp"
        self.source.write_text('extern "C" int answer() { return 42; }')
        yield
        native.compiled.cache_clear()

    def load(self):
        native.compiled.cache_clear()
        return native.compiled(str(self.module))

    @compiled
    def test_compiles_once_and_again_when_the_source_changes(self, tmp_path):
        assert self.load().answer() == 42
        (first,) = (tmp_path / "cache/merba").iterdir()
        made = first.stat().st_mtime_ns
        assert self.load().answer() == 42
        assert first.stat().st_mtime_ns == made
        self.source.write_text('extern "C" int answer() { return 43; }')
        assert self.load().answer() == 43

    def test_can_be_left_out(self, monkeypatch):
        monkeypatch.setenv(native.VARIABLE, "0")
        assert self.load() is None

    def test_no_compiler(self, monkeypatch):
        monkeypatch.delenv("CXX", raising=False)
        monkeypatch.setenv("PATH", "")
        assert self.load() is None

    @compiled
    def test_a_source_that_does_not_compile_is_said_and_leaves_nothing(self, tmp_path, capsys):
        self.source.write_text("nonsense")
        assert self.load() is None
        assert "some.cpp cannot be compiled or loaded, PyTorch takes its place" in capsys.readouterr().err
        assert not list((tmp_path / "cache/merba").iterdir())
