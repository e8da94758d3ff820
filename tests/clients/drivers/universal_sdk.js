// KuCoin's own SDK for Node: market data, an order, public and private sockets, as its manual says but for URLs.
'use strict';

const sdk = require('kucoin-universal-sdk');

const [url, key, secret, passphrase] = process.argv.slice(2);
const TOPICS = {
  spot: ['/market/ticker', '/market/level2', '/market/match', '/market/candles', '/spotMarket/level2Depth5'],
  account: ['/account/balance', '/spotMarket/tradeOrdersV2'],
  futures: ['/contractMarket/level2', '/contractMarket/tickerV2'],
};
const PATIENCE = 15000; // ms

function client() {
  const options = new sdk.ClientOptionBuilder()
    .setKey(key).setSecret(secret).setPassphrase(passphrase)
    .setSpotEndpoint(url).setFuturesEndpoint(`${url}/futures`).setBrokerEndpoint(url)
    .setTransportOption(new sdk.TransportOptionBuilder().build())
    .setWebSocketClientOption(new sdk.WebSocketClientOptionBuilder().build())
    .build();
  return new sdk.DefaultClient(options);
}

function body(fields) {
  return { ...fields, toJson: () => JSON.stringify(fields) };
}

function awaited(topics) {
  const missing = new Set(topics);
  let done;
  const all = new Promise((resolve) => { done = resolve; });
  const see = (topic) => {
    missing.delete(topic.split(':')[0]);
    if (missing.size === 0) done();
  };
  return { missing, see, all };
}

async function main() {
  const kucoin = client();
  const rest = kucoin.restService();
  const sockets = kucoin.wsService();
  const seen = Object.fromEntries(Object.entries(TOPICS).map(([name, topics]) => [name, awaited(topics)]));
  const [spot, account, futures] = [sockets.newSpotPublicWS(), sockets.newSpotPrivateWS(), sockets.newFuturesPublicWS()];
  for (const socket of [spot, account, futures]) await socket.start();
  await spot.ticker(['BTC-USDT', 'ETH-USDT'], seen.spot.see);
  await spot.orderbookIncrement(['BTC-USDT'], seen.spot.see);
  await spot.trade(['BTC-USDT'], seen.spot.see);
  await spot.klines('BTC-USDT', '1min', seen.spot.see);
  await spot.orderbookLevel5(['BTC-USDT'], seen.spot.see);
  await account.account(seen.account.see);
  await account.orderV2(seen.account.see);
  await futures.orderbookIncrement('XBTUSDTM', seen.futures.see);
  await futures.tickerV2('XBTUSDTM', seen.futures.see);
  const orders = rest.getSpotService().getOrderApi();
  const order = { clientOid: `node-${Date.now()}`, side: 'buy', symbol: 'BTC-USDT', type: 'market', size: '0.001' };
  const placed = await orders.addOrderSync(body(order));
  const market = rest.getSpotService().getMarketApi();
  const symbols = (await market.getAllSymbols({})).data.map((row) => row.symbol);
  const contracts = (await rest.getFuturesService().getMarketApi().getAllSymbols()).data.map((row) => row.symbol);
  const late = new Promise((resolve) => { setTimeout(resolve, PATIENCE).unref(); });
  await Promise.race([Promise.all(Object.values(seen).map((each) => each.all)), late]);
  const missing = Object.values(seen).flatMap((each) => [...each.missing]).sort();
  console.log(`\n${JSON.stringify({ missing, dealt: placed.dealSize, status: placed.status, symbols, contracts })}`);
  process.exit(0); // its workers reconnect for ever
}

main().catch((error) => { console.error(error); process.exit(1); });
