// SMPL's order of joints: hips are 1 and 2, knees 4 and 5; each has a rotation vector of 3.
const JOINTS = 24;

export function ridingPose(bend) {
  const pose = new Array(3 * JOINTS).fill(0);
  for (const hip of [1, 2]) pose[3 * hip] = -bend;
  for (const knee of [4, 5]) pose[3 * knee] = 1.6 * bend;
  return pose;
}
