// Where the backend is: fixed when the pages are built, as a browser has no environment.
export const API = (import.meta.env.VITE_API_URL ?? "http://localhost:8000").replace(/\/+$/, "");

export async function stats(signal) {
  const answer = await fetch(`${API}/stats`, { signal });
  if (!answer.ok) throw new Error(`the backend answered ${answer.status}`);
  return answer.json();
}

export async function send(picture) {
  const answer = await fetch(`${API}/frames`, { method: "POST", body: picture });
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.detail);
  return body.found;
}
