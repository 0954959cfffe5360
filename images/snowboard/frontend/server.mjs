// Serves what Vite built, answers /health, and hands /api to the backend: no package needed.
import { readFile } from "node:fs/promises";
import { createServer, request } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const port = Number(process.env.PORT ?? 5173);
const backend = new URL(process.env.BACKEND_API_URL ?? "http://backend-api:3001");
const root = fileURLToPath(new URL("./dist", import.meta.url));
const types = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".svg": "image/svg+xml",
};

function sendJson(res, status, value) {
  res.writeHead(status, { "content-type": "application/json" });
  res.end(JSON.stringify(value));
}

function forward(req, res) {
  const onward = request(
    {
      host: backend.hostname,
      port: backend.port || 80,
      path: req.url,
      method: req.method,
      headers: { ...req.headers, host: backend.host },
      timeout: 15_000,
    },
    (answer) => {
      res.writeHead(answer.statusCode, answer.headers);
      answer.pipe(res);
    },
  );
  onward.on("timeout", () => onward.destroy(new Error("no answer in 15 s")));
  onward.on("error", (error) => {
    if (res.headersSent) res.destroy();
    else sendJson(res, 502, { error: `the backend did not answer: ${error.message}` });
  });
  req.pipe(onward);
}

async function sendFile(res, path, missing) {
  try {
    const body = await readFile(join(root, path));
    const lasting = path.startsWith("/assets/"); // Vite puts a hash of the content into these names
    res.writeHead(200, {
      "content-type": types[extname(path)] ?? "application/octet-stream",
      "cache-control": lasting ? "public, max-age=31536000, immutable" : "no-cache",
    });
    res.end(body);
  } catch {
    missing();
  }
}

const server = createServer((req, res) => {
  let path;
  try {
    path = normalize(decodeURIComponent(new URL(req.url, "http://frontend").pathname));
  } catch {
    return sendJson(res, 400, { error: "not a path" });
  }
  if (path === "/health") return sendJson(res, 200, { status: "ok", service: "frontend" });
  if (path.startsWith("/api/")) return forward(req, res);
  if (req.method !== "GET" && req.method !== "HEAD") return sendJson(res, 405, { error: "read only" });
  const page = () => sendFile(res, "/index.html", () => sendJson(res, 500, { error: "not built" }));
  if (extname(path) === "") return page();
  return sendFile(res, path, () => sendJson(res, 404, { error: "no such file" }));
});
server.listen(port, "0.0.0.0", () => console.log(`frontend listens on ${port}, backend at ${backend}`));

// Node as process 1 gets no default action for signals: without this, "docker stop" waits 10 s.
for (const signal of ["SIGTERM", "SIGINT"]) {
  process.on(signal, () => {
    server.close(() => process.exit(0));
    server.closeIdleConnections();
  });
}
