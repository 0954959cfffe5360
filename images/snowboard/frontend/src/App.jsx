import { useEffect, useState } from "react";

import Skeleton from "./Skeleton.jsx";
import { ridingPose } from "./riding.js";

export default function App() {
  const [bend, setBend] = useState(0.6);
  const [pose, setPose] = useState(null);
  const [fault, setFault] = useState("");

  useEffect(() => {
    const abort = new AbortController();
    fetch("/api/pose", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ pose: ridingPose(bend) }),
      signal: abort.signal,
    })
      .then(async (answer) => {
        const body = await answer.json();
        if (!answer.ok) throw new Error(body.error);
        setPose(body);
        setFault("");
      })
      .catch((error) => error.name !== "AbortError" && setFault(error.message));
    return () => abort.abort();
  }, [bend]);

  return (
    <main>
      <h1>Snowboarding Explained</h1>
      <label>
        Bend of the knees
        <input
          type="range"
          min="0"
          max="1.6"
          step="0.05"
          value={bend}
          onChange={(event) => setBend(Number(event.target.value))}
        />
      </label>
      {fault && <p role="alert">No pose: {fault}</p>}
      {pose && <Skeleton joints={pose.joints} parents={pose.parents} />}
      {pose && <p>Height {pose.height.toFixed(2)} m</p>}
    </main>
  );
}
