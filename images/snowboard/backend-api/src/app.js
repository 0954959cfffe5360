// The HTTP routes. The pose service is reached at `poseUrl`; `request` is fetch, or a test's own.
import express from "express";

const TIMEOUT_MS = 10_000;

export function makeApp({ poseUrl, request = fetch }) {
  const app = express();
  app.disable("x-powered-by");
  app.use(express.json({ limit: "64kb" }));

  app.get("/health", (_req, res) => {
    res.json({ status: "ok", service: "backend-api", node: process.version, poseUrl });
  });

  async function forward(res, path, init = {}) {
    try {
      const answer = await request(new URL(path, poseUrl), {
        ...init,
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      res.status(answer.status).json(await answer.json());
    } catch (error) {
      res.status(502).json({ error: `the pose service did not answer: ${error.cause?.message || error.message}` });
    }
  }

  app.get("/api/pose/health", (_req, res) => forward(res, "/health"));

  app.post("/api/pose", (req, res) =>
    forward(res, "/pose", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(req.body ?? {}),
    }),
  );

  app.use((_req, res) => res.status(404).json({ error: "no such route" }));
  app.use((error, _req, res, _next) => {
    res.status(error.status ?? 500).json({ error: error.message });
  });
  return app;
}
