"""The pose service for `flask run --reload`, which wants an application and not a program."""

import os

import app as service
import smpl

app = service.make_app(smpl.load(os.environ.get("SMPL_MODEL_PATH", service.MODEL)))
