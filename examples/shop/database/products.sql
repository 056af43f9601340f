INSERT INTO products (id, art, name, description, price_cents, stock) VALUES
    ( 1, 'mug',      'Harbour mug',        'Stoneware, glazed by hand, holds a generous coffee.',     1450, 48),
    ( 2, 'lamp',     'Dockside lamp',      'A warm desk light with a heavy foot that stays put.',     5900, 15),
    ( 3, 'notebook', 'Logbook',            'Dotted pages, sewn binding, opens flat on any table.',    1200, 80),
    ( 4, 'backpack', 'Crate backpack',     'Waxed canvas, twenty litres, room for a laptop.',         8900, 12),
    ( 5, 'plant',    'Quiet fern',         'Asks for little light, a little water and no talk.',      2350, 20),
    ( 6, 'clock',    'Tide clock',         'Silent movement, readable from across the room.',         4200, 18),
    ( 7, 'headset',  'Overlay headphones', 'Closed, comfortable, and nobody else can listen in.',    12900,  9),
    ( 8, 'teapot',   'Relay teapot',       'Pours without a drop beside the cup. Serves four.',       3650, 22),
    ( 9, 'compass',  'Brass compass',      'Always knows the way, even when the map does not.',       2800, 30),
    (10, 'kite',     'Signal kite',        'Flies from the lightest breeze, packs to a sleeve.',      3400, 16),
    (11, 'candle',   'Beacon candle',      'Beeswax, forty hours, the scent of a late summer.',       1650, 60),
    (12, 'boat',     'Little tug',         'A wooden harbour tug for the shelf or for the bath.',     2600,  3);
