// ccxt for Node: every stream that it has, public and private, and orders; as it comes from npm but for URLs.
'use strict';

const ccxt = require('ccxt');

const [url, key, secret, passphrase, , , futuresUrl] = process.argv.slice(2);
const SPOT = ['BTC/USDT', 'ETH/USDT'];
const FUTURES = ['BTC/USDT:USDT', 'ETH/USDT:USDT'];
const PATIENCE = 20000; // ms

async function opened(Exchange) {
  const exchange = new Exchange({ apiKey: key, secret, password: passphrase, enableRateLimit: false });
  const { api } = exchange.urls;
  for (const [name, address] of Object.entries(api)) {
    if (typeof address === 'string') api[name] = name.startsWith('futures') ? futuresUrl : url;
  }
  const host = url.replace('http', 'ws');
  api.ws = Object.fromEntries(['spot', 'futures', 'private'].map((name) => [name, `${host}/pro/${name}`]));
  await exchange.loadHttpProxyAgent(); // ccxt insists on it for ws://
  await exchange.loadMarkets();
  return exchange;
}

const failed = {};
async function attempt(what, call) {
  let timer;
  const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error('late')), PATIENCE); });
  try {
    return await Promise.race([call(), late]);
  } catch (error) {
    failed[what] = `${error.constructor.name}: ${error.message}`;
  } finally {
    clearTimeout(timer);
  }
  return {};
}

async function watch(exchange, [symbol, other]) {
  const both = [symbol, other];
  const calls = [
    ['watchTicker', symbol], ['watchTickers', both], ['watchBidsAsks', both], ['watchTrades', symbol],
    ['watchTradesForSymbols', both], ['watchOHLCV', symbol, '1m'], ['watchOrderBook', symbol],
    ['watchOrderBookForSymbols', both], ['unWatchTicker', symbol], ['unWatchTrades', symbol],
    ['unWatchTradesForSymbols', both], ['unWatchOrderBook', symbol], ['unWatchOHLCV', symbol, '1m'],
  ];
  if (exchange.market(symbol).swap) calls.push(['watchFundingRate', symbol], ['watchMarkPrice', symbol]);
  for (const [name, ...given] of calls) await attempt(`${name} ${symbol}`, () => exchange[name](...given));
  const book = await attempt(`book ${other}`, () => exchange.watchOrderBook(other));
  return book.bids[0][0] < book.asks[0][0];
}

async function trade(exchange, symbol, amount, params) {
  const ask = (name, ...given) => attempt(`${name} ${symbol}`, () => exchange[name](...given));
  const { id } = await ask('createOrder', symbol, 'limit', 'buy', amount, 1000, params);
  const kept = await ask('fetchOrder', id, symbol);
  await ask('cancelOrder', id, symbol);
  const order = { symbol, type: 'limit', side: 'buy', amount, price: 1000, params };
  await ask('createOrders', [order, order]);
  await ask('cancelAllOrders', symbol);
  const bought = await ask('createOrder', symbol, 'market', 'buy', amount, undefined, params);
  const done = await ask('fetchOrder', bought.id, symbol);
  await ask('createOrder', symbol, 'market', 'sell', amount, undefined, params);
  return [kept.status, done.status, done.filled];
}

async function main() {
  const [spot, futures] = [await opened(ccxt.pro.kucoin), await opened(ccxt.pro.kucoinfutures)];
  const own = [
    ['orders', () => spot.watchOrders()], ['balance', () => spot.watchBalance()],
    ['own trades', () => spot.watchMyTrades()], ['futures orders', () => futures.watchOrders(FUTURES[0])],
    ['futures balance', () => futures.watchBalance()], ['position', () => futures.watchPosition(FUTURES[0])],
  ].map(([what, call]) => attempt(what, call));
  const uncrossed = [await watch(spot, SPOT), await watch(futures, FUTURES)];
  const lives = [await trade(spot, SPOT[0], 0.01), await trade(futures, FUTURES[0], 2, { leverage: 3 })];
  await Promise.all(own);
  console.log(`\n${JSON.stringify({ failed, uncrossed, lives })}`);
  process.exit(0);
}

main().catch((error) => { console.error(error); process.exit(1); });
