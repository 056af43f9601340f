const MONEY = new Intl.NumberFormat('en', { style: 'currency', currency: 'EUR' });
const TIME = new Intl.DateTimeFormat('en', { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', hour12: false });

export const money = (cents) => MONEY.format(cents / 100);
export const when = (timestamp) => TIME.format(new Date(timestamp));
