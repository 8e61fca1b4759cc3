<?php
// A shop in a page: products from the cache, accounts and orders from the database, whose tables are pgbench's.
function db(): PDO {
  return new PDO('pgsql:host=198.19.252.40;dbname=shop', 'shop', '', [
    PDO::ATTR_PERSISTENT => true, // One connection a worker.
    PDO::ATTR_EMULATE_PREPARES => true, // One round trip a query.
    PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION,
  ]);
}

function balance(int $account): int {
  $query = db()->prepare('SELECT abalance FROM pgbench_accounts WHERE aid = ?');
  $query->execute([$account]);
  return (int) $query->fetchColumn();
}

[, $what, $id] = explode('/', $_SERVER['REQUEST_URI']) + [2 => '0'];
header('Content-Type: application/json');
try {
  if ($what === 'products') {
    $cache = new Redis();
    $cache->pconnect('198.19.252.30', 6379);
    $stock = $cache->get("stock:$id");
    if ($stock === false) $cache->setex("stock:$id", 3600, $stock = balance((int) $id));
    echo json_encode(['product' => $id, 'stock' => (int) $stock]);
  } elseif ($what === 'accounts') {
    echo json_encode(['account' => $id, 'balance' => balance((int) $id)]);
  } elseif ($what === 'orders') {
    $order = json_decode(file_get_contents('php://input'), true, 4, JSON_THROW_ON_ERROR);
    db()->prepare('INSERT INTO pgbench_history (tid, bid, aid, delta, mtime) VALUES (1, 1, ?, ?, now())')
      ->execute([$order['account'], $order['amount']]);
    http_response_code(201);
    echo json_encode(['ordered' => true]);
  } else http_response_code(404);
} catch (Exception $e) {
  http_response_code(503);
  echo json_encode(['error' => $e->getMessage()]);
}
