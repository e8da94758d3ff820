// KuCoin's two older SDKs for Node, spot and futures, as their manuals say but for URLs: calls, sockets, a kept book.
'use strict';

const spot = require('kucoin-node-sdk');
const constants = require('kucoin-futures-node-sdk/lib/tools/constants');

const [url, key, secret, passphrase, , , futuresUrl] = process.argv.slice(2);
constants.PROD_ADDR_EP = futuresUrl;
const FuturesSDK = require('kucoin-futures-node-sdk').default;

const report = console.log;
console.log = () => {}; // they print every frame
const SPOT = ['/market/ticker:BTC-USDT', '/market/ticker:all', '/market/match:BTC-USDT', '/market/candles:BTC-USDT_1min'];
const ACCOUNT = ['/spotMarket/tradeOrders', '/spotMarket/advancedOrders', '/account/balance'];
const PATIENCE = 20000; // ms
const BUILT = 8000; // ms; its book waits 5 s for a snapshot

const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });
const name = () => `node-${Date.now()}-${Math.floor(Math.random() * 1e6)}`;

const refused = [];
async function ask(what, call) {
  const answer = await call();
  if (answer.code !== '200000') refused.push([what, answer.response ? answer.response.data : answer]);
  return answer.data;
}

function topics(names) {
  const missing = new Set(names);
  return { missing, see: (topic) => () => missing.delete(topic) };
}

async function spotCalls() {
  const { User, Trade, Market } = spot.rest;
  const order = { clientOid: name(), side: 'buy', symbol: 'BTC-USDT', type: 'limit' };
  await ask('accounts', () => User.Account.getAccountsList());
  await ask('fees', () => User.TradeFee.getActualFeeRateBySymbols('BTC-USDT,ETH-USDT'));
  await ask('symbols', () => Market.Symbols.getSymbolsList());
  await ask('book', () => Market.OrderBook.getLevel2_full('BTC-USDT'));
  const { orderId } = await ask('order', () => Trade.Orders.postOrder(order, { price: '1000', size: '0.01' }));
  const kept = await ask('kept', () => Trade.Orders.getOrderByID(orderId));
  await ask('cancel', () => Trade.Orders.cancelOrder(orderId));
  const stop = { price: '1000', size: '0.01', stop: 'loss', stopPrice: '900' };
  await ask('stop', () => Trade.StopOrder.postStopOrder({ ...order, clientOid: name() }, stop));
  await ask('stops', () => Trade.StopOrder.cancelMultiOrders('BTC-USDT', 'TRADE'));
  const market = { ...order, clientOid: name(), type: 'market' };
  await ask('market', () => Trade.Orders.postOrder(market, { size: '0.01' }));
  await ask('fills', () => Trade.Fills.getFillsList('TRADE', {}));
  return kept.isActive;
}

async function futuresCalls(futures) {
  const order = { symbol: 'XBTUSDTM', leverage: 3, size: 2 };
  const { orderId } = await ask('futures order', () => futures.futuresBuy({ ...order, price: 1000 }));
  await ask('futures cancel', () => futures.futuresCancel(orderId));
  const held = async () => {
    const rows = await ask('positions', () => futures.futuresPositions('USDT'));
    return (rows.find((row) => row.symbol === 'XBTUSDTM') ?? { currentQty: 0 }).currentQty;
  };
  const before = await held();
  await ask('futures buy', () => futures.futuresBuy({ ...order, type: 'market' }));
  const bought = await held() - before;
  await ask('futures sell', () => futures.futuresSell({ ...order, type: 'market' }));
  await ask('contracts', () => futures.futuresContractsActive());
  await ask('overview', () => futures.futuresAccount('USDT'));
  return bought;
}

async function main() {
  spot.init({ baseUrl: url, apiAuth: { key, secret, passphrase }, authVersion: 2 });
  const { Datafeed, Level2 } = spot.websocket;
  const [open, own] = [new Datafeed(), new Datafeed(true)];
  const futures = new FuturesSDK({ key, secret, passphrase });
  const streams = { ...futures.websocket };
  const seen = topics([...SPOT, ...ACCOUNT, 'level2', 'tickerV2', 'wallet', 'position']);
  Level2.setLogger(() => {});
  open.connectSocket();
  own.connectSocket();
  for (const topic of SPOT) open.subscribe(topic, (message) => seen.see(message.topic)());
  for (const topic of ACCOUNT) own.subscribe(topic, seen.see(topic), true);
  const book = new Level2('BTC-USDT', open);
  book.listen();
  streams.level2(['XBTUSDTM'], seen.see('level2'));
  streams.tickerV2(['XBTUSDTM'], seen.see('tickerV2'));
  streams.wallet(seen.see('wallet'));
  streams.position('XBTUSDTM', seen.see('position'));
  await pause(BUILT);
  const [active, bought] = [await spotCalls(), await futuresCalls(futures)];
  const wanting = () => seen.missing.size > 0 || book.getOrderBook(1).dirty;
  for (const end = Date.now() + PATIENCE; wanting() && Date.now() < end;) await pause(50);
  const { dirty, bids, asks } = book.getOrderBook(1);
  const uncrossed = Number(bids[0][0]) < Number(asks[0][0]);
  report(`\n${JSON.stringify({ missing: [...seen.missing], refused, active, bought, dirty, uncrossed })}`);
  process.exit(0);
}

main().catch((error) => { console.error(error); process.exit(1); });
