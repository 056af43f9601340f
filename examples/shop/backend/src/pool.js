import { readFileSync } from 'node:fs';
import pg from 'pg';
import { log } from './log.js';

pg.types.setTypeParser(pg.types.builtins.INT8, Number);

const passwordFile = process.env.DB_PASSWORD_FILE ?? '/run/secrets/db_password';

export function createPool() {
  const pool = new pg.Pool({
    host: process.env.DB_HOST ?? 'database',
    port: Number(process.env.DB_PORT ?? 5432),
    user: 'shop',
    database: 'shop',
    // Read at each connection, and only its first line, as the database does.
    password: () => readFileSync(passwordFile, 'utf8').split('\n', 1)[0],
    max: 8,
    connectionTimeoutMillis: 3_000,
    query_timeout: 10_000,
    // A service address forgets a connection that is silent for 15 minutes: probe it, and close it before that.
    keepAlive: true,
    keepAliveInitialDelayMillis: 60_000,
    idleTimeoutMillis: 300_000,
  });
  // A database that restarts breaks idle connections; the pool opens new ones at the next query.
  pool.on('error', (error) => log('database connection lost', { reason: error.code ?? error.message }));
  return pool;
}
