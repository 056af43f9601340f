import express from 'express';
import { log } from './log.js';
import { complaints, listOrders, placeOrder } from './orders.js';

export function createApp(pool) {
  const app = express();
  app.disable('x-powered-by');
  app.set('etag', false);
  app.use(logRequests);
  app.use(express.json({ limit: '8kb' }));

  app.get('/healthz', async (request, response) => {
    try {
      await pool.query({ text: 'SELECT 1', query_timeout: 2_000 });
      response.json({ status: 'ok' });
    } catch (error) {
      response.status(503).json({ status: 'the database does not answer', reason: error.code ?? 'unknown' });
    }
  });

  app.get('/api/products', async (request, response) => {
    const { rows } = await pool.query('SELECT id, art, name, description, price_cents, stock FROM products ORDER BY id');
    response.json(rows);
  });

  app.get('/api/orders', async (request, response) => {
    response.json(await listOrders(pool));
  });

  app.post('/api/orders', async (request, response) => {
    const key = request.get('Idempotency-Key');
    const wrong = complaints(request.body, key);
    if (wrong.length) return response.status(400).json({ error: wrong.join('; '), errors: wrong });
    const { status, order, error } = await placeOrder(pool, request.body, key);
    response.status(status).json(order ?? { error });
  });

  app.use((request, response) => response.status(404).json({ error: 'not found' }));
  app.use(answerErrors);
  return app;
}

function logRequests(request, response, next) {
  const begin = performance.now();
  response.on('finish', () => {
    if (request.path === '/healthz' && response.statusCode === 200) return;
    const milliseconds = Math.round(performance.now() - begin);
    log('request', { method: request.method, path: request.path, status: response.statusCode, milliseconds });
  });
  next();
}

// Errors of the request (bad JSON, too large) tell their sender; those of the database only the log.
function answerErrors(error, request, response, next) {
  if (response.headersSent) return next(error);
  if (error.status >= 400 && error.status < 500) return response.status(error.status).json({ error: error.message });
  log('request failed', { path: request.path, reason: error.code ?? error.message });
  response.status(503).json({ error: 'the shop cannot reach its database right now' });
}
