"""The images of this repository as doit tasks; ``doit list`` shows them."""

from layers.tasks import DOIT_CONFIG, task_layers

__all__ = ["DOIT_CONFIG", "task_layers"]
