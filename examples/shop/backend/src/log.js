// One JSON object a line. Callers name the fields they log: no headers, bodies or settings.
export function log(event, fields = {}) {
  process.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), event, ...fields })}\n`);
}
