"""The cone that a config without a word on it gets, for benchmarks that measure the default."""

from avatarflow.config.loading import load
from avatarflow.privacy.cones.shape import Shape


def default_shape() -> Shape:
    """The schema's defaults of `cone` as a shape."""
    config = load({"releases": {"any": {"source": {"generate": {}}, "gates": {}}}})
    return Shape.of(config["releases"]["any"]["cone"])
