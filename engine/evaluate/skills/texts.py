"""Short texts, written for this check, whose loss says whether a model still reads ordinary language and code."""

TEXTS: tuple[str, ...] = (
    "It rained all night, and in the morning the street was full of puddles. Children in yellow boots "
    "jumped from one to the next while their parents waited for the bus.",
    "To make a simple soup, cut two onions and fry them in butter until they are soft. Add four "
    "potatoes, a liter of water and some salt, and let everything cook for half an hour.",
    "The library opens at nine and closes at six. On Saturdays it closes at noon, and on Sundays it is "
    "not open at all. Books may be kept for four weeks.",
    "Water turns into ice at zero degrees Celsius and boils at one hundred. On a high mountain it boils "
    "earlier, because the air presses less on its surface.",
    "My grandmother had a small garden behind the house. She grew beans, carrots and sunflowers, and "
    "every evening she walked along the rows with a watering can.",
    "A train leaves the station at eight o'clock and arrives at half past ten. The journey takes two and "
    "a half hours, with one short stop on the way.",
    "Dear Sam, thank you very much for your letter and for the photographs. We are all well here. Anna "
    "started school in September and already reads everything she can find.",
    "The moon has no light of its own. What we see at night is the light of the sun, which the moon "
    "throws back to us. That is why it seems to change its shape.",
    "Before you paint a wall, clean it and let it dry. Cover the floor with old newspapers, open the "
    "windows, and begin at the top so that drops do not run over fresh paint.",
    "In the evening the fishermen came back to the harbor. Their boats were low in the water, and gulls "
    "followed them with loud cries all the way to the pier.",
    "A good question is short and clear. It says what you already tried, what you expected to happen, "
    "and what happened instead. Most people are glad to answer such a question.",
    "The old clock in the hall is always five minutes late. Nobody repairs it, because everybody in the "
    "family knows, and guests are happy to stay a little longer.",
    "Bees visit flowers to collect nectar and pollen. While they do, they carry pollen from one flower "
    "to another, and without this many plants would bear no fruit.",
    "Exercise does not have to be hard. A walk of thirty minutes a day is good for the heart, helps you "
    "to sleep, and costs nothing but a pair of comfortable shoes.",
    "The meeting begins at ten. First we look at last month's numbers, then we talk about the new "
    "office, and at the end there is time for questions. Please bring your own notes.",
    "오늘은 아침부터 비가 내렸다. 우산을 챙기지 않아서 버스 정류장까지 뛰어갔지만 옷이 다 젖었다. 그래도 "
    "따뜻한 차를 마시니 기분이 좋아졌다.",
    "도서관은 아침 아홉 시에 문을 열고 저녁 여섯 시에 닫습니다. 책은 한 번에 다섯 권까지 빌릴 수 있으며, "
    "이 주 안에 돌려주어야 합니다.",
    "우리 할머니는 시장에서 작은 가게를 하셨다. 겨울이면 난로 위에 고구마를 구워 손님들에게 나누어 "
    "주셨고, 아이들은 그 냄새를 좋아했다.",
    "물은 섭씨 영도에서 얼고 백도에서 끓는다. 높은 산에서는 공기의 압력이 낮아서 물이 더 낮은 온도에서 끓는다.",
    "def average(values):\n"
    "    if not values:\n"
    "        return 0\n"
    "    return sum(values) / len(values)\n\n\n"
    "print(average([2, 4, 6]))\n",
    "for (let row = 0; row < table.length; row++) {\n"
    "  for (let column = 0; column < table[row].length; column++) {\n"
    "    console.log(table[row][column]);\n"
    "  }\n"
    "}\n",
    "SELECT customers.name, COUNT(orders.id) AS orders\n"
    "FROM customers\n"
    "JOIN orders ON orders.customer_id = customers.id\n"
    "GROUP BY customers.name\n"
    "ORDER BY orders DESC;\n",
    "class Counter:\n"
    "    def __init__(self):\n"
    "        self.count = 0\n\n"
    "    def add(self, amount=1):\n"
    "        self.count += amount\n"
    "        return self.count\n",
    '{"name": "Kim", "age": 34, "languages": ["Korean", "English"], "address": {"city": "Busan", '
    '"street": "Harbor Road 7"}}',
)
