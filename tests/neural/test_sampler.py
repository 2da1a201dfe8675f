"""The sampler against diffusers' scheduler and the figures of the specification."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
diffusers = pytest.importorskip("diffusers")

from orbit_painter.backend.errors import CancelledError  # noqa: E402
from orbit_painter.backend.painters.orbitpainter import sampler  # noqa: E402
from orbit_painter.backend.painters.orbitpainter.sampler import FirstFrame, Guidance  # noqa: E402

SHAPE = (1, 16, 3, 4, 4)


def scheduler(steps, shift=5.0):
    made = diffusers.FlowMatchEulerDiscreteScheduler(shift=shift)
    made.set_timesteps(sigmas=np.linspace(1, 0, steps + 1)[:-1])
    return made


@pytest.mark.parametrize("steps", [1, 4, 20, 50])
@pytest.mark.parametrize("shift", [1.0, 5.0])
def test_sigmas_are_the_schedulers_bit_for_bit(steps, shift):
    assert np.array_equal(sampler.sampling_sigmas(steps, shift), scheduler(steps, shift).sigmas.numpy())


def test_sigmas_of_the_specification():
    sigmas = 1000 * sampler.sampling_sigmas()
    np.testing.assert_allclose(sigmas[:5], [1000, 995.93, 991.74, 987.39, 982.91], atol=0.1)
    np.testing.assert_allclose(sigmas[-5:], [303.0, 241.9, 172.4, 92.6, 0], atol=0.1)
    np.testing.assert_allclose(1000 * sampler.sampling_sigmas(4)[:4], [1000, 937.5, 833.3, 625], atol=0.05)


def test_experts_of_the_published_run():
    experts = [sampler.expert_of(float(sigma)) for sigma in sampler.sampling_sigmas()[:-1]]
    assert experts == ["high"] * 21 + ["low"] * 29
    trained = [sampler.expert_of(float(s), sampler.TRAINED_BOUNDARY) for s in sampler.sampling_sigmas()[:-1]]
    assert trained == ["high"] * 18 + ["low"] * 32  # 898.9, 890.8 and 882.4 move to the low expert
    assert [sampler.expert_of(float(s)) for s in sampler.sampling_sigmas(4)[:-1]] == ["high", "high", "low", "low"]
    assert sampler.expert_of(0.875) == "high"


def wave(latents, sigma, step, expert, branch):
    """A network that is a fixed smooth function of everything it is told."""
    phase = {"positive": 0.0, "negative": 1.0}[branch] + {"high": 0.0, "low": 2.0}[expert]
    return torch.sin(latents * 1.3 + phase) * (0.5 + sigma) + latents.mean()


@pytest.mark.parametrize("steps", [5, 50])
def test_equals_euler_steps_of_diffusers(steps):
    noise = sampler.initial_noise(SHAPE, 3)
    ours = sampler.sample(wave, noise, sampler.sampling_sigmas(steps))
    stepper, latents = scheduler(steps), noise
    for index, time in enumerate(stepper.timesteps):
        expert = "high" if time >= 875 else "low"
        sigma = float(stepper.sigmas[index])
        negative, positive = (wave(latents, sigma, index, expert, branch) for branch in ("negative", "positive"))
        latents = stepper.step(negative + 6 * (positive - negative), time, latents, return_dict=False)[0]
    torch.testing.assert_close(ours, latents, atol=1e-5, rtol=1e-5)


def test_a_perfect_network_arrives_at_the_data():
    noise, data = sampler.initial_noise(SHAPE, 0), torch.randn(SHAPE, generator=torch.Generator().manual_seed(1))
    for sigmas in (sampler.sampling_sigmas(4), sampler.sampling_sigmas(50)):
        out = sampler.sample(lambda *_: noise - data, noise, sigmas)
        torch.testing.assert_close(out, data, atol=2e-5, rtol=0)


def test_noise_is_repeatable_and_the_published_one():
    noise = sampler.initial_noise(SHAPE, 3)
    expected = torch.randn(SHAPE, generator=torch.Generator("cpu").manual_seed(3)).bfloat16()
    assert noise.dtype == torch.float32
    assert torch.equal(noise, expected.float())
    assert not torch.equal(noise, sampler.initial_noise(SHAPE, 4))


def test_guidance_calls_the_network_only_where_it_is_active():
    calls = []

    def network(latents, sigma, step, expert, branch):
        calls.append((step, branch))
        return torch.ones_like(latents) * (2.0 if branch == "positive" else 1.0)

    noise, sigmas = torch.zeros(SHAPE), np.array([1, 0.75, 0.5, 0.25, 0], np.float32)
    out = sampler.sample(network, noise, sigmas, Guidance(3.0, 0.25, 0.75))
    assert [step for step, branch in calls if branch == "negative"] == [1, 2]
    assert len(calls) == 6
    torch.testing.assert_close(out, torch.full(SHAPE, -0.25 * (2 + 4 + 4 + 2)))
    calls.clear()
    sampler.sample(network, noise, sigmas, Guidance(1.0))
    assert {branch for _, branch in calls} == {"positive"}


@pytest.mark.parametrize("mode", ["clean", "noised"])
@pytest.mark.parametrize("steps", [None, 2, 0])
def test_first_frame_sharing(mode, steps):
    first = torch.full((1, 16, 1, 4, 4), 0.5)
    noise, sigmas = sampler.initial_noise(SHAPE, 1), sampler.sampling_sigmas(4)
    seen, after = [], []

    def network(latents, sigma, step, expert, branch):
        if branch == "positive":
            seen.append(latents[:, :, :1].clone())
        return wave(latents, sigma, step, expert, branch)

    out = sampler.sample(
        network, noise, sigmas, first_frame=FirstFrame(first, mode, steps), after_step=lambda *step: after.append(step)
    )
    plain = sampler.sample(wave, noise, sigmas)
    for index, frame in enumerate(seen):
        sigma = float(sigmas[index])
        if mode == "noised" and sigma == 1:
            assert torch.allclose(frame, noise[:, :, :1])  # nothing of the picture yet
            continue
        expected = first if mode == "clean" else (1 - sigma) * first + sigma * noise[:, :, :1]
        written = steps is None or (index <= steps and steps > 0)
        assert torch.allclose(frame, expected) == written
    assert torch.allclose(out[:, :, :1], first) == (steps is None)
    assert torch.equal(out, plain) == (steps == 0)
    assert [step for step, _, _, _ in after] == [0, 1, 2, 3]
    assert torch.equal(after[-1][2], out)
    assert after[-1][1] == 0


def test_a_run_can_begin_from_data():
    """With no step it is that data, with all steps the run from noise to the bit, and between them a part of the steps
    from the data at the noise level of the first."""
    noise, sigmas = sampler.initial_noise(SHAPE, 1), sampler.sampling_sigmas(8)
    data = torch.randn(SHAPE, generator=torch.Generator().manual_seed(2))
    met = []

    def network(latents, sigma, step, expert, branch):
        if branch == "positive":
            met.append((step, latents.clone()))
        return wave(latents, sigma, step, expert, branch)

    assert torch.equal(sampler.sample(network, noise, sigmas, start=sampler.Start(data, 0.0)), data)
    assert met == []
    whole = sampler.sample(network, noise, sigmas, start=sampler.Start(data, 1.0))
    assert torch.equal(whole, sampler.sample(wave, noise, sigmas))
    met.clear()
    half = sampler.sample(network, noise, sigmas, start=sampler.Start(data, 0.5))
    assert [step for step, _ in met] == [4, 5, 6, 7]
    sigma = float(sigmas[4])
    torch.testing.assert_close(met[0][1], (1 - sigma) * data + sigma * noise)
    assert not torch.equal(half, whole)
    exact = sampler.sample(lambda *_: noise - data, noise, sigmas, start=sampler.Start(data, 0.5))
    torch.testing.assert_close(exact, data, atol=2e-5, rtol=0)


def test_stopping_passes_through():
    def stop(step, sigma, latents, clean):
        if step == 1:
            raise CancelledError

    with pytest.raises(CancelledError):
        sampler.sample(wave, torch.zeros(SHAPE), sampler.sampling_sigmas(4), after_step=stop)
