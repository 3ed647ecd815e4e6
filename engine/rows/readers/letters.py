"""How often letters come in the languages of the old encodings: what tells CP949 from GB18030, and KOI8-R from CP1251.

The same bytes are text in most encodings, but hardly ever text of common letters. Of the Korean "안녕하세요" GB18030
makes five Chinese characters, all of them rare. Letters are in the order of how often they come, roughly; what counts
is only that the common ones are there.
"""

import math
from collections.abc import Iterable, Mapping

Weights = Mapping[str, float]  # letter -> the natural logarithm of its share

HANGUL = (
    "이다는에하고을의가로지한은기사를도서어리대해나자인시들정아일라과수그부스만보전있게니주으제장여동원상조구었성무"
    "것습면오적와세요관안경중위신내개물말거화연명할공우학국선미비실문소된당발용음려저생방모금까없양분행람심간되같각"
    "본식통등했였됩받알유러드계단트치진님업네더데르마바번별복불새색설속술십써않야약얼역영예온왔외운월응입작잘재절점"
    "접졌족종좋죠줄직집쪽차참찾책처천청체초최추출취층친크타택터테토투특판평포표품프피필합항향현형호확환활회효후히힘"
    "때떤떻또뜻쓰씨싶준질짜걸격결곳교군권귀근글급난날남노높누느능달답덕독돈돌둘뒤디딸떠란래략량레력련록론료류률림립"
    "막많맞머먹먼메목몇몸묻밀반밖백법변병북붙빠뿐산살삼석센손송순쉽승싫억언엄엇열올완왜욕울움육율읽잃임잡젊즉증찰창"
    "채척철촌충칙커켜코큰킬탄태퇴파편폐폭풍핵험협혼황휴희"
    "녕년녀겠께줘찮괜잖갔봤줬켰꼭꽤낮낸넣넘늘늦닌갖값갈감강건검견겨광굴궁귤극긴길깊끝끼낌납냐낱냉널넓논놓눈눌뉴늙닫"
    "담닭댁던덜덟될둥듣듭땅땐뛰뜨띄락랑랫렇렸롭뤄룹릇릎릿링맑맡맺멋멀멈몬몹묵묶묘뮤밤밥배뱃벌벗벽볍볼봉뵙뷰빌빙빛빨"
    "빼뺏뽑뿌쁘샀샵섞섬섯셔셨쇼숙숨숲슬슴싸쌍썼쓴씀앉앞액앨얘얻엔엘옆옷옳웃웠윤융읍잎잔쟁젓젝좌죄죽줌쥐즐즘짓짝짧쫓"
    "찌찍찬챙첨촬촉춘춤췄칠칭칼캐컴컨컬컵콘콜쿠퀴클킨킹탁탈탐탑탕튼틀팀팅팔팬팩퍼펜펴폰푸푼풀플핀핑핸헌헤헬혀홀홍홈"
    "획훈훌훨흐흔흘힌"
)

SIMPLE = (
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然"
    "家种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实日军者意无力它与长把"
    "机十民第公此已工使情明性知全三又关点正业外将两高间由问很最重并物手应战向头文体政美相见被利什二等产或新己制身果"
    "加西斯月话合回特代内信表化老给世位次度门任常先海通教儿原东声提立及比员解水名真论处走义各入几口认条平系气题活尔"
    "更别打女变四神总何电数安少报才结反受目太量再感建务做接必场件计管期市直德资命山金指克许统区保至队形社便空决治展"
    "马科司五基眼书非则听白却界达光放强即像难且权思王象完设式色路记南品住告类求据程北边死张该交规万取拉格望觉术领共"
    "确传师观清今切院让识候带导争运请写找帮谢字谁吗吧呢哪您"
)

TRADITIONAL = (
    "的一是不了在人有我他這個們中來上大為和國地到以說時要就出會可也你對生能而子那得於著下自之年過發後作裡用道行所然"
    "家種事成方多經麼去法學如都同現當沒動面起看定天分還進好小部其些主樣理心她本前開但因只從想實日軍者意無力它與長把"
    "機十民第公此已工使情明性知全三又關點正業外將兩高間由問很最重並物手應戰向頭文體政美相見被利什二等產或新己制身果"
    "加西斯月話合回特代內信表化老給世位次度門任常先海通教兒原東聲提立及比員解水名真論處走義各入幾口認條平系氣題活爾"
    "更別打女變四神總何電數安少報才結反受目太量再感建務做接必場件計管期市直德資命山金指克許統區保至隊形社便空決治展"
    "馬科司五基眼書非則聽白卻界達光放強即像難且權思王象完設式色路記南品住告類求據程北邊死張該交規萬取拉格望覺術領共"
    "確傳師觀清今切院讓識候帶導爭運請寫找幫謝字誰嗎吧呢哪您檔案"
)

KANJI = (
    "日一国人年大十二本中長出三時行見月後前生五間上東四今金九入学高円子外八六下来気小七山話女北午百書先名川千水半男"
    "西電校語土木聞食車何南万毎白天母火右読友左休父雨会同事自社発者地業方新場員立開手力問代明動京目通言理体田主題意"
    "不作用度強公持野以思家世多正安院心界教文元重近考画海売知道集別物使品計死特私始朝運終台広住無真有口少町料工建空"
    "急止送切転研足究楽起着店病質待試族銀早映親験英医仕去味写字答夜音注帰古歌買悪図週室歩風紙黒花春赤青館屋色走秋夏"
    "習駅洋旅服夕借曜飲肉貸堂鳥飯勉冬昼茶弟牛魚兄犬妹姉漢移変最数編実押対消削除列番定置換表示内容式法関可能性成部分"
    "所全当次他必要合現情報選択例"
)

HIRAGANA = "".join(map(chr, range(0x3041, 0x3094)))
KATAKANA = "".join(map(chr, range(0x30A1, 0x30F7))) + "ー"
EASTERN_MARKS = "。，、「」『』（）：；？！“”‘’…—·～《》【】　○●※→①②③④⑤■□◆▶☆★㎡℃"
MARKS = "\xa0“”‘’„–—…«»€£°§©®™·•½№"

# By language. A language may be written in several encodings, and an encoding may write several languages.
CYRILLIC = {
    "Russian": "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъё",
    "Ukrainian": "оанивітерслкдмупязьгбчйхїжцшющєфґ",
    "Bulgarian": "аиоентрсвлпкдмзубягъчцйхжщшюфь",
    "Serbian": "аоиенрстјувкдмплзгбчцшђхжљћњџф",
}
WESTERN = {
    "English": "’“”‘–—…é£€°®©",
    "French": "éèàêçâ«»ôùîûëïœ",
    "German": "üäößé",
    "Spanish": "óíáéñú¿¡«»ü",
    "Portuguese": "ãçáéíóõêâúàô«»",
    "Italian": "èàùòìé«»",
    "Swedish": "äåöé",
    "Danish": "æøåé",
    "Norwegian": "åøæéò",
    "Finnish": "äöå",
    "Catalan": "àéóèíçúòüï",
    "Icelandic": "áíóúéýþðöæ",
    "Dutch": "ëéïüöèó",
}
CENTRAL = {
    "Polish": "łóążęśćńź",
    "Czech": "íáéěčřžýšůúťďňó",
    "Slovak": "áíéčžýšľťúôňďóäĺŕ",
    "Hungarian": "áéőöóüíúű",
    "Croatian": "čšžćđ",
    "Romanian": "ăâîşţ",
}
BALTIC = {"Lithuanian": "ėąšųžįūčę", "Latvian": "āīēšūļņžčķģ", "Estonian": "äõüöšž"}
TURKISH = {"Turkish": "ıüşğçöİâîû"}
GREEK = {"Greek": "αοιετσνηυρπκμλςήάίόέγδωθύφχώβξζψϊϋΐΰ"}
HEBREW = {"Hebrew": "יוהלאמתרבשנדקעפםחצגטכזסןךףץ"}
ARABIC = {"Arabic": "الينمرتوبعدسفهكقةحجشصأطخىضذثزئغءإظؤآ"}
THAI = {"Thai": "านรกเอวมงลทตสดยพัิีู่้คหบขะไปชจแโซใผฟถธณศ์ษฐภุำึืญฉฮฬฎฏๆ็ฒฌ"}


def groups(*parts: tuple[Iterable[str], float]) -> Weights:
    """Weights of groups of letters, each with its share of a text, in which all letters count the same."""
    weights: dict[str, float] = {}
    for letters, share in parts:
        fresh = [letter for letter in dict.fromkeys(letters) if letter not in weights]
        weights |= dict.fromkeys(fresh, math.log(share / len(fresh)))
    return weights


def ranked(letters: str) -> Weights:
    """Weights of letters in the order of how often they come: the n-th about 1 / n as often, capitals included."""
    shares = [1 / (place + 2.5) for place in range(len(letters))]
    weights = {letter: math.log(0.90 * share / sum(shares)) for letter, share in zip(letters, shares, strict=True)}
    capitals = {letter.upper(): weight for letter, weight in weights.items() if len(letter.upper()) == 1}
    return {**dict.fromkeys(MARKS, math.log(0.06 / len(MARKS))), **capitals, **weights}
