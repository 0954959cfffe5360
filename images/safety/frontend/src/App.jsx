import { useEffect, useState } from "react";

import { API, send, stats } from "./api.js";

const EVERY_MS = 2000;

export default function App() {
  const [seen, setSeen] = useState(null);
  const [found, setFound] = useState([]);
  const [error, setError] = useState("");

  useEffect(() => {
    const stop = new AbortController();
    const look = () =>
      stats(stop.signal).then(
        (now) => (setSeen(now), setError("")),
        (reason) => stop.signal.aborted || setError(reason.message),
      );
    look();
    const timer = setInterval(look, EVERY_MS);
    return () => (clearInterval(timer), stop.abort());
  }, []);

  async function choose(event) {
    try {
      for (const picture of event.target.files) setFound(await send(picture));
      setError("");
    } catch (reason) {
      setError(reason.message);
    }
  }

  return (
    <main>
      <h1>Helmets and vests</h1>
      <input type="file" accept="image/*" multiple onChange={choose} aria-label="pictures" />
      {error && <p role="alert">{error}</p>}
      {seen && (
        <p>
          {seen.frames.seen} frames, {seen.frames.processed} looked at
        </p>
      )}
      <ul>
        {found.map((one) => (
          <li key={one.label + one.box}>
            {one.label} {Math.round(one.confidence * 100)} %
          </li>
        ))}
      </ul>
      {seen?.frames.seen > 0 && (
        <img src={`${API}/frames/last.jpg?${seen.frames.seen}`} alt="the last frame" />
      )}
    </main>
  );
}
