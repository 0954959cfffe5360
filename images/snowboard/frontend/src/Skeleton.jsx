// Joints seen from the side (z to the right, y up), a line from each joint to its parent.
export default function Skeleton({ joints, parents }) {
  return (
    <svg viewBox="-1 -1.2 2 2.4" role="img" aria-label="skeleton of the rider">
      {joints.map(([, y, z], joint) => {
        const parent = joints[parents[joint]];
        return (
          <g key={joint}>
            {parent && <line x1={parent[2]} y1={-parent[1]} x2={z} y2={-y} />}
            <circle cx={z} cy={-y} r="0.02" />
          </g>
        );
      })}
    </svg>
  );
}
