"""Write a small synthetic SMPL model with the keys and shapes of the real one.

Usage: python3 make_smpl.py PATH

The body is a stick figure: eight vertices around each of SMPL's 24 joints. Every number is exact
arithmetic rounded to six places and the pickle protocol is fixed, so the bytes are the same on every
machine and every Python from 3.8.
"""

import os
import pickle
import sys
import tempfile

PROTOCOL = 2  # that of the published models

# SMPL's joints: (name, parent, x, y, z) in metres, standing with the arms out
JOINTS = (
    ("pelvis", -1, 0.0, -0.24, 0.03),
    ("left_hip", 0, 0.06, -0.33, 0.01),
    ("right_hip", 0, -0.06, -0.33, 0.02),
    ("spine1", 0, 0.0, -0.13, 0.0),
    ("left_knee", 1, 0.1, -0.71, 0.02),
    ("right_knee", 2, -0.1, -0.71, 0.02),
    ("spine2", 3, 0.0, 0.01, 0.03),
    ("left_ankle", 4, 0.09, -1.11, -0.02),
    ("right_ankle", 5, -0.09, -1.11, -0.02),
    ("spine3", 6, 0.0, 0.06, 0.03),
    ("left_foot", 7, 0.12, -1.17, 0.1),
    ("right_foot", 8, -0.12, -1.17, 0.1),
    ("neck", 9, 0.0, 0.27, -0.01),
    ("left_collar", 9, 0.08, 0.18, -0.01),
    ("right_collar", 9, -0.08, 0.18, -0.01),
    ("head", 12, 0.0, 0.36, 0.04),
    ("left_shoulder", 13, 0.17, 0.21, -0.02),
    ("right_shoulder", 14, -0.17, 0.21, -0.02),
    ("left_elbow", 16, 0.43, 0.2, -0.05),
    ("right_elbow", 17, -0.43, 0.2, -0.05),
    ("left_wrist", 18, 0.68, 0.21, -0.05),
    ("right_wrist", 19, -0.68, 0.21, -0.05),
    ("left_hand", 20, 0.76, 0.2, -0.06),
    ("right_hand", 21, -0.76, 0.2, -0.06),
)
NO_PARENT = 4294967295  # the real models store -1 as an unsigned number
BETAS = 10
CORNERS = [(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]
HALF = 0.02
CUBE = (  # two triangles for each side of a cube whose corners are numbered as in CORNERS
    (0, 1, 3), (0, 3, 2), (4, 6, 7), (4, 7, 5), (0, 4, 5), (0, 5, 1),
    (2, 3, 7), (2, 7, 6), (0, 2, 6), (0, 6, 4), (1, 5, 7), (1, 7, 3),
)  # fmt: skip


def model():
    """The model as dicts, lists and numbers; lengths in metres."""
    count = len(JOINTS)
    vertices, weights, shape, pose, faces = [], [], [], [], []
    for joint, (_, parent, *centre) in enumerate(JOINTS):
        for corner in CORNERS:
            vertex = [round(c + HALF * side, 6) for c, side in zip(centre, corner)]
            vertices.append(vertex)
            row = [0.0] * count
            row[joint] = 1.0 if parent < 0 else 0.75
            if parent >= 0:
                row[parent] = 0.25
            weights.append(row)
            # beta 0 is stature; each further one widens the body a little less along one axis
            shape.append([
                [
                    round(vertex[axis] * 0.05 if beta == 0
                          else vertex[axis] * 0.02 / beta * (axis == beta % 3), 6)
                    for beta in range(BETAS)
                ]
                for axis in range(3)
            ])  # fmt: skip
            pose.append([[0.0] * (9 * (count - 1)) for _ in range(3)])
        faces += [[8 * joint + corner for corner in triangle] for triangle in CUBE]
    regressor = [
        [0.125 if vertex // len(CORNERS) == joint else 0.0 for vertex in range(len(vertices))]
        for joint in range(count)
    ]
    parents = [NO_PARENT if parent < 0 else parent for _, parent, *_ in JOINTS]
    return {
        "J_regressor": regressor,
        "bs_style": "lbs",
        "bs_type": "lrotmin",
        "f": faces,
        "kintree_table": [parents, list(range(count))],
        "posedirs": pose,
        "shapedirs": shape,
        "synthetic": "a stand-in with the shapes of SMPL; not the SMPL model",
        "v_template": vertices,
        "weights": weights,
    }


def main(arguments):
    """Write the model to the one path given, all of it or nothing; exit 2 for anything else."""
    if len(arguments) != 1:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    path = arguments[0]
    folder = os.path.dirname(os.path.abspath(path))
    os.makedirs(folder, exist_ok=True)
    data = pickle.dumps(model(), protocol=PROTOCOL)
    handle, temporary = tempfile.mkstemp(dir=folder)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    os.chmod(temporary, 0o644)
    os.replace(temporary, path)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
